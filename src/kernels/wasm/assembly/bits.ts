export function encode(row: usize, code: usize): f32 { return 0; }
export function prepare(row: usize): void {}
export function queryOfCode(code: usize, term: f32, to: usize): void {}
export function queryBytes(): usize { return 64; }
export function select(query: usize): void {}
export function distance(code: usize, term: f32): f32 { return 0; }
