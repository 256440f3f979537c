/**
 * The nearest centroid of each row in each segment of its dimensions: the costly half of Lloyd's k-means, for training and
 * encoding product quantizers (Jégou, Douze and Schmid 2011). Squared Euclidean distance; of equally near centroids the first.
 *
 * Grid: x = block of 64 rows, y = segment. Bindings: 0 params, 1 rows (f32, `[rows × dimensions]`, unpadded), 2 centroids
 * `[segments × centroids × width]`, 3 out `[rows × segments]`.
 */
export const KMEANS_LANES = 64;

/** Parameters in the order of the uniform block; `width`: dimensions of a segment. */
export const kmeansParams = (p: { rows: number; dimensions: number; segments: number; width: number; centroids: number }): number[] => [
  p.rows,
  p.dimensions,
  p.segments,
  p.width,
  p.centroids,
];

export const kmeansAssignWgsl = (): string => `
struct Params { rows: u32, dimensions: u32, segments: u32, width: u32, centroids: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> rows: array<f32>;
@group(0) @binding(2) var<storage, read> centroids: array<f32>;
@group(0) @binding(3) var<storage, read_write> assigned: array<u32>;
@compute @workgroup_size(${KMEANS_LANES})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group.x * ${KMEANS_LANES}u + lane; let segment = group.y;
  if (row >= p.rows) { return; }
  let firstValue = row * p.dimensions + segment * p.width;
  var nearest = 0u; var nearestDistance = 3.4e38;
  for (var c = 0u; c < p.centroids; c++) {
    let firstCentroid = (segment * p.centroids + c) * p.width;
    var sum = 0.0;
    for (var d = 0u; d < p.width; d++) { let difference = rows[firstValue + d] - centroids[firstCentroid + d]; sum += difference * difference; }
    if (sum < nearestDistance) { nearestDistance = sum; nearest = c; }
  }
  assigned[row * p.segments + segment] = nearest;
}`;
