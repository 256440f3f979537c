/**
 * Offline: the service worker keeps the page, the model and its runtime; the dictionary itself is in the database.
 */
import { registerSW } from 'virtual:pwa-register';
import { offlineReady, online, updateReady } from './state.ts';

/** Longest wait for the service worker before the model is fetched without it. */
const CONTROL_WAIT_MS = 4000;

export function setUpOffline(): void {
  addEventListener('online', () => (online.value = true));
  addEventListener('offline', () => (online.value = false));
  if (!('serviceWorker' in navigator) || import.meta.env.DEV) return;
  const update = registerSW({
    immediate: true,
    onOfflineReady: () => (offlineReady.value = true),
    onNeedRefresh: () => (updateReady.value = () => void update(true)),
  });
  if (navigator.serviceWorker.controller !== null) offlineReady.value = true;
}

/** Resolves when the service worker sees this page's requests (so that it keeps the model), or when that takes too long. */
export function serviceWorkerInControl(): Promise<void> {
  const workers = navigator.serviceWorker as ServiceWorkerContainer | undefined;
  if (workers === undefined || import.meta.env.DEV || workers.controller !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, CONTROL_WAIT_MS);
    workers.addEventListener(
      'controllerchange',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
