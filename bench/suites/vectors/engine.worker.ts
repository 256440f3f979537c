/**
 * The engine in a worker, driven by the page: builds an index over a fetched data set and searches it. Answers are kept and
 * counted outside of what is timed.
 */
import { expose } from 'comlink';
import { MeasuredIndex } from './measured-index.ts';

expose(new MeasuredIndex());
