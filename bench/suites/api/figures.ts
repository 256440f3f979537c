/** Figures of `npm run bench -- api`. */
export const FIGURES = ['api.call.p50-ms', 'api.inflight32.calls-per-s'];
