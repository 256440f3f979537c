// Native hnswlib behind a line protocol, for the vectors suite: one thread, its own CPU time per answer.
//
//   hnswlib-peer BASE QUERIES TRUTH DIMENSIONS METRIC(l2|ip) M EF_CONSTRUCTION K
//   stdin:  "build" | "search EF" | "reopen PATH" | "quit"
//   stdout: one JSON object a line
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <unordered_set>
#include <vector>

#include "hnswlib.h"

template <typename T>
static std::vector<T> readAll(const char* path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) { std::fprintf(stderr, "cannot read %s\n", path); std::exit(1); }
  std::vector<T> values(static_cast<size_t>(in.tellg()) / sizeof(T));
  in.seekg(0);
  in.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(T)));
  return values;
}

static double cpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

int main(int argc, char** argv) {
  if (argc != 9) { std::fprintf(stderr, "usage: see the source\n"); return 2; }
  const auto base = readAll<float>(argv[1]);
  const auto queries = readAll<float>(argv[2]);
  const auto truth = readAll<uint32_t>(argv[3]);
  const size_t dimensions = static_cast<size_t>(std::atoi(argv[4]));
  const bool l2 = std::string(argv[5]) == "l2";
  const size_t m = static_cast<size_t>(std::atoi(argv[6]));
  const size_t efConstruction = static_cast<size_t>(std::atoi(argv[7]));
  const size_t k = static_cast<size_t>(std::atoi(argv[8]));
  const size_t rows = base.size() / dimensions;
  const size_t count = queries.size() / dimensions;
  const size_t truthPerQuery = truth.size() / count;

  std::unique_ptr<hnswlib::SpaceInterface<float>> space;
  if (l2) space = std::make_unique<hnswlib::L2Space>(dimensions);
  else space = std::make_unique<hnswlib::InnerProductSpace>(dimensions);
  std::unique_ptr<hnswlib::HierarchicalNSW<float>> index;

  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string command;
    words >> command;
    if (command == "quit") break;
    const double before = cpuSeconds();
    const auto wallBefore = std::chrono::steady_clock::now();
    if (command == "build") {
      index = std::make_unique<hnswlib::HierarchicalNSW<float>>(space.get(), rows, m, efConstruction);
      for (size_t i = 0; i < rows; i++) index->addPoint(base.data() + i * dimensions, i);
      const double seconds = cpuSeconds() - before;
      std::printf("{\"rows\":%zu,\"cpuSeconds\":%.4f}\n", rows, seconds);
    } else if (command == "save") {
      std::string path;
      words >> path;
      index->saveIndex(path);
      std::printf("{\"cpuSeconds\":%.4f}\n", cpuSeconds() - before);
    } else if (command == "reopen") {
      std::string path;
      words >> path;
      auto again = std::make_unique<hnswlib::HierarchicalNSW<float>>(space.get(), path);
      again->searchKnn(queries.data(), k);
      const double wallMs = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - wallBefore).count();
      index = std::move(again);
      std::printf("{\"wallMs\":%.3f,\"cpuSeconds\":%.4f}\n", wallMs, cpuSeconds() - before);
    } else if (command == "search") {
      size_t ef = 0;
      words >> ef;
      index->setEf(ef);
      std::vector<std::vector<hnswlib::labeltype>> answers(count);
      const double start = cpuSeconds();
      const auto wallStart = std::chrono::steady_clock::now();
      for (size_t q = 0; q < count; q++) {
        auto heap = index->searchKnn(queries.data() + q * dimensions, k);
        answers[q].reserve(k);
        while (!heap.empty()) { answers[q].push_back(heap.top().second); heap.pop(); }
      }
      const double seconds = cpuSeconds() - start;
      const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - wallStart).count();
      size_t found = 0;
      for (size_t q = 0; q < count; q++) {
        std::unordered_set<uint32_t> nearest(truth.begin() + static_cast<long>(q * truthPerQuery), truth.begin() + static_cast<long>(q * truthPerQuery + k));
        for (auto label : answers[q]) found += nearest.count(static_cast<uint32_t>(label));
      }
      std::printf("{\"ef\":%zu,\"recall\":%.5f,\"qps\":%.1f,\"wallQps\":%.1f}\n", ef, static_cast<double>(found) / static_cast<double>(count * k),
                  static_cast<double>(count) / seconds, static_cast<double>(count) / wall);
    }
    std::fflush(stdout);
  }
  return 0;
}
