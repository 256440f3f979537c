/** How large the explored workloads are. */

/** Enough operations for more than `CALLS_GOAL` calls. */
export const FULL = { operations: 700, objectsMax: 30, plansPerMoment: 40, plansPerRecoveryCall: 6, recoveriesPerDeep: 40 };
export const CALLS_GOAL = 2_000;
export const STATES_GOAL = 100_000;

/** For broken engines: short, and stopped at the first violation. */
export const SHORT = { operations: 160, objectsMax: 20, plansPerMoment: 5, plansPerRecoveryCall: 3, recoveriesPerDeep: 60 };
