// The doors of the library: the XLA FFI handler, and plain C functions for the self-test.
//
// Operands: tasks s32[T, 34], jobs s32[J, 4], phases s32[P + 1, 2] (the bytes of the structs in
// table.h), then the input buffers.  Results: the output buffers, then u8 scratch.  Attributes:
// local_bytes, and the name of an instruction set (empty: the best one).
#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "execute.h"
#include "pages.h"
#include "self_test.h"
#include "table.h"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace raggeddsl {
namespace {

ffi::Error invalid(const std::string& message) {
  return ffi::Error(ffi::ErrorCode::kInvalidArgument, "raggeddsl: " + message);
}

// The rows of a table passed as s32[rows, bytes of T / 4].
template <class T>
const T* rows_of(const ffi::AnyBuffer& table, int64_t& rows) {
  const auto dims = table.dimensions();
  const bool fits = table.element_type() == ffi::S32 && dims.size() == 2 && dims[1] * 4 == int64_t(sizeof(T)) &&
                    reinterpret_cast<uintptr_t>(table.untyped_data()) % alignof(T) == 0;
  rows = fits ? dims[0] : 0;
  return fits ? static_cast<const T*>(table.untyped_data()) : nullptr;
}

ffi::Error run(ffi::ThreadPool pool, ffi::AnyBuffer tasks, ffi::AnyBuffer jobs, ffi::AnyBuffer phases,
               ffi::RemainingArgs inputs, ffi::RemainingRets results, int64_t local_bytes, std::string_view isa) {
  Work work{};
  int64_t fences = 0;
  work.tasks = rows_of<Task>(tasks, work.task_count);
  work.jobs = rows_of<Job>(jobs, work.job_count);
  work.phases = rows_of<int64_t>(phases, fences);
  if (work.phases == nullptr || (work.tasks == nullptr && tasks.element_count() > 0) ||
      (work.jobs == nullptr && jobs.element_count() > 0) || fences < 1)
    return invalid("a table has the wrong shape, type or alignment");
  work.phase_count = fences - 1;
  work.local_bytes = local_bytes;
  std::vector<Buffer> buffers;
  buffers.reserve(inputs.size() + results.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    auto input = inputs.get<ffi::AnyBuffer>(i);
    if (!input.has_value()) return input.error();
    buffers.push_back({static_cast<char*>(input->untyped_data()), int64_t(input->size_bytes()), false});
  }
  for (size_t i = 0; i < results.size(); ++i) {
    auto result = results.get<ffi::AnyBuffer>(i);
    if (!result.has_value()) return result.error();
    buffers.push_back({static_cast<char*>((*result)->untyped_data()), int64_t((*result)->size_bytes()), true});
    advise_huge_pages(buffers.back().data, buffers.back().bytes);
  }
  work.buffers = buffers.data();
  work.buffer_count = int32_t(buffers.size());
  if (std::string fault = find_fault(work); !fault.empty()) return invalid(fault);
  const Arithmetic* arithmetic = isa.empty() ? &best_arithmetic() : find_arithmetic(std::string(isa).c_str());
  if (arithmetic == nullptr) return invalid("this processor lacks the instruction set " + std::string(isa));
  Threads threads;
  threads.count = pool.num_threads();
  threads.schedule = [&pool](std::function<void()> task) { pool.Schedule(std::move(task)); };
  const std::string failure = execute(work, *arithmetic, threads);
  return failure.empty() ? ffi::Error::Success() : ffi::Error(ffi::ErrorCode::kResourceExhausted, "raggeddsl: " + failure);
}

}  // namespace
}  // namespace raggeddsl

extern "C" __attribute__((visibility("default"))) XLA_FFI_Error* raggeddsl_run_v1(XLA_FFI_CallFrame* call_frame);

XLA_FFI_DEFINE_HANDLER_SYMBOL(raggeddsl_run_v1, raggeddsl::run,
                              xla::ffi::Ffi::Bind()
                                  .Ctx<xla::ffi::ThreadPool>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .RemainingArgs()
                                  .RemainingRets()
                                  .Attr<int64_t>("local_bytes")
                                  .Attr<std::string_view>("isa"));

// The name of the instruction set in use.
extern "C" __attribute__((visibility("default"))) const char* raggeddsl_isa() {
  return raggeddsl::best_arithmetic().name;
}

// Whether this processor can run the instruction set `name` ("base", "avx2", "avx512").
extern "C" __attribute__((visibility("default"))) int raggeddsl_has_isa(const char* name) {
  return raggeddsl::find_arithmetic(name) != nullptr;
}

// What comes out wrong on this processor, or null.
extern "C" __attribute__((visibility("default"))) const char* raggeddsl_self_test() {
  return raggeddsl::self_test(raggeddsl::best_arithmetic());
}
