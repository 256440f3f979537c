/**
 * The order in which the worker embeds: what someone is waiting for first, then the rest, one text at a time, so that a query
 * never waits for more than the one text that is being read.
 */

export interface EmbedJob {
  readonly id: number;
  readonly texts: readonly string[];
  /** A query: goes before every job that is not. */
  readonly urgent: boolean;
}

export interface EmbedQueue {
  add(job: EmbedJob): void;
  /** Forgets a job; one already settled is ignored. */
  cancel(id: number): void;
}

interface Running extends EmbedJob {
  readonly vectors: Float32Array<ArrayBuffer>;
  done: number;
}

/**
 * @param embed gives one unit vector of `dimensions` numbers
 * @param settle called once for each job that was not cancelled
 */
export function createEmbedQueue(
  dimensions: number,
  embed: (text: string) => Promise<Float32Array>,
  settle: (id: number, outcome: { vectors: Float32Array<ArrayBuffer> } | { thrown: unknown }) => void,
): EmbedQueue {
  const jobs: Running[] = [];
  let working = false;

  const finish = (job: Running, outcome: { vectors: Float32Array<ArrayBuffer> } | { thrown: unknown }) => {
    const at = jobs.indexOf(job);
    if (at < 0) return;
    jobs.splice(at, 1);
    settle(job.id, outcome);
  };

  const step = async (job: Running) => {
    if (job.done === job.texts.length) return finish(job, { vectors: job.vectors });
    try {
      const vector = await embed(job.texts[job.done]);
      job.vectors.set(vector, job.done * dimensions);
      job.done++;
    } catch (thrown) {
      finish(job, { thrown });
    }
  };

  const work = async () => {
    if (working) return;
    working = true;
    while (jobs.length > 0) {
      await step(jobs.find((job) => job.urgent) ?? jobs[0]);
      await nextTask();
    }
    working = false;
  };

  return {
    add(job) {
      jobs.push({ ...job, vectors: new Float32Array(job.texts.length * dimensions), done: 0 });
      void work();
    },
    cancel(id) {
      const at = jobs.findIndex((job) => job.id === id);
      if (at >= 0) jobs.splice(at, 1);
    },
  };
}

/** Lets messages in: a new query or a cancel must be seen between two texts. A timer would be clamped to 4 ms. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
