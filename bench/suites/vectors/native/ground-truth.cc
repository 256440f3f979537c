// The k nearest of every query by brute force: ground-truth BASE QUERIES OUT DIMENSIONS METRIC(l2|ip) K; ties by row.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

static std::vector<float> readAll(const char* path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) { std::fprintf(stderr, "cannot read %s\n", path); std::exit(1); }
  std::vector<float> values(static_cast<size_t>(in.tellg()) / 4);
  in.seekg(0);
  in.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(values.size() * 4));
  return values;
}

int main(int argc, char** argv) {
  if (argc != 7) return 2;
  const auto base = readAll(argv[1]);
  const auto queries = readAll(argv[2]);
  const size_t d = static_cast<size_t>(std::atoi(argv[4]));
  const bool l2 = std::string(argv[5]) == "l2";
  const size_t k = static_cast<size_t>(std::atoi(argv[6]));
  const size_t rows = base.size() / d;
  std::ofstream out(argv[3], std::ios::binary);
  std::vector<std::pair<float, uint32_t>> scored(rows);
  for (size_t q = 0; q * d < queries.size(); q++) {
    const float* query = queries.data() + q * d;
    for (size_t r = 0; r < rows; r++) {
      const float* row = base.data() + r * d;
      float sum = 0;
      if (l2) for (size_t i = 0; i < d; i++) sum += (query[i] - row[i]) * (query[i] - row[i]);
      else for (size_t i = 0; i < d; i++) sum -= query[i] * row[i];
      scored[r] = {sum, static_cast<uint32_t>(r)};
    }
    std::partial_sort(scored.begin(), scored.begin() + static_cast<long>(k), scored.end());
    for (size_t i = 0; i < k; i++) out.write(reinterpret_cast<const char*>(&scored[i].second), 4);
  }
}
