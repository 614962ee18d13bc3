// Drives the fuzz target without libFuzzer: `native_fuzz [seconds] [seed]` gives it random bytes.
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int main(int argc, char** argv) {
  using Clock = std::chrono::steady_clock;
  const double seconds = argc > 1 ? std::atof(argv[1]) : 5;
  const uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  std::mt19937_64 random(seed);
  uint8_t bytes[1200];
  uint64_t count = 0;
  for (; count % 64 != 0 || Clock::now() < end; ++count) {
    if (count % 64 == 0) alarm(60);  // an input takes microseconds: more is a hang
    const size_t size = random() % sizeof bytes;
    // Sizes and counts are mostly small bytes; offsets and strides are all kinds.
    for (size_t i = 0; i < size; ++i) bytes[i] = random() % 3 == 0 ? uint8_t(random()) : uint8_t(random() % 12);
    LLVMFuzzerTestOneInput(bytes, size);
  }
  std::printf("%llu tables from seed %llu were refused or ran inside their buffers\n", (unsigned long long)count,
              (unsigned long long)seed);
  return 0;
}
