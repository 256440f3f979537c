/** Doorway of the sentence model's worker (`heddle/minilm`). */
import { type Scope, serveMinilm } from '../src/minilm/serve.ts';

serveMinilm(self as unknown as Scope);
