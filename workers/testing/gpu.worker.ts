/** The GPU worker over an adapter that fails when it is told to. */
import './faulty-gpu.ts';
import '../gpu.worker.ts';
