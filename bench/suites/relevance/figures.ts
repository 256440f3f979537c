/** Figures of `npm run bench -- relevance --data FOLDER`; the folder's name stands in them. */
export const figures: readonly string[] = [
  'relevance.scifact.bm25.ndcg10',
  'relevance.scifact.vector.ndcg10',
  'relevance.scifact.hybrid.ndcg10',
];
