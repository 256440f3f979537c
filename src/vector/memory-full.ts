/** The error of an index whose memory limit is reached. */
import { HeddleError } from '../core/errors.ts';

export function memoryFull(limit: number): HeddleError {
  return new HeddleError('StorageFull', `the vector index has reached its memory limit of ${limit} bytes`, {
    hint: 'Raise the limit, choose a smaller quantizer (bq), or spread the collection over more shards.',
    details: { limit },
    retryable: false,
  });
}
