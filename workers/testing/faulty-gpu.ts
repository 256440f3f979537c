/** Makes this worker's WebGPU adapter say what it is told to say, and fail when it is told to (`gpu-faults.ts`). */
import type { TestGpu, TestGpuOrder } from './gpu-faults.ts';

const { channel, card, shader } = JSON.parse(self.name) as TestGpu;

if (card !== null) {
  const info = { vendor: '', architecture: '', device: '', description: card, isFallbackAdapter: false };
  Object.defineProperty(GPUAdapter.prototype, 'info', { get: () => info });
}

let order: TestGpuOrder = 'mend';
const orders = new BroadcastChannel(channel);
orders.onmessage = ({ data }: MessageEvent<TestGpuOrder>): void => {
  order = data;
  orders.postMessage('heard');
};

const devices: GPUDevice[] = [];
const { requestDevice } = GPUAdapter.prototype;
GPUAdapter.prototype.requestDevice = async function (...args) {
  const device = await requestDevice.apply(this, args);
  devices.push(device);
  return device;
};
const { submit } = GPUQueue.prototype;
GPUQueue.prototype.submit = function (commands) {
  submit.call(this, commands);
  if (order !== 'lose') return undefined;
  order = 'mend';
  for (const device of devices) device.destroy();
  return undefined;
};
const { popErrorScope, createShaderModule } = GPUDevice.prototype;
GPUDevice.prototype.popErrorScope = async function () {
  const error = await popErrorScope.call(this);
  return order === 'fill' ? new GPUOutOfMemoryError('no memory for this buffer') : error;
};
GPUDevice.prototype.createShaderModule = function (descriptor) {
  return createShaderModule.call(this, shader ? { ...descriptor, code: descriptor.code.replaceAll(...shader) } : descriptor);
};
