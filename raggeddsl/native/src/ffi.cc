// The doors of the library: the XLA FFI handler, and plain C functions for the self-test.
//
// Operands: the bytes of the tables as s32 or s64 of any shape (`read_tables`), then the input buffers.
// Results: the output buffers, then u8 scratch.  Attributes: local_bytes, and the name of an instruction
// set (empty: the best one).  `measure` is `run` with a watch: where nobody asks for times, no code of it
// runs.  `run_named` has the input buffers alone for operands, and its table's name, in two halves, for
// local_bytes: the registry has the table.
#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "counting.h"
#include "execute.h"
#include "pages.h"
#include "provider.h"
#include "registry.h"
#include "self_test.h"
#include "table.h"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace raggeddsl {
namespace {

ffi::Error invalid(const std::string& message) {
  return ffi::Error(ffi::ErrorCode::kInvalidArgument, "raggeddsl: " + message);
}

// The arithmetic of an instruction set, of the best one where the name is empty; null if there is no such.
const Arithmetic* named(const char* isa) { return *isa == 0 ? &best_arithmetic() : find_arithmetic(isa); }

// The work of a call, as its operands and results say it.
struct Call {
  Work work{};
  std::vector<Buffer> buffers;

  ffi::Error read(const ffi::AnyBuffer& tables, const ffi::RemainingArgs& inputs, const ffi::RemainingRets& results,
                  size_t outputs, int64_t local_bytes) {
    const bool words = tables.element_type() == ffi::S32 || tables.element_type() == ffi::S64;
    if (!words || !read_tables(tables.untyped_data(), int64_t(tables.size_bytes()), work))
      return invalid("the tables have the wrong size, type or alignment");
    work.local_bytes = local_bytes;
    if (ffi::Error fault = take(inputs, results, outputs); fault.failure()) return fault;
    work.buffers = buffers.data();
    work.buffer_count = int32_t(buffers.size());
    std::string fault = find_fault(work);
    return fault.empty() ? ffi::Error::Success() : invalid(fault);
  }

  // The buffers of inputs and results.
  ffi::Error take(const ffi::RemainingArgs& inputs, const ffi::RemainingRets& results, size_t outputs) {
    buffers.reserve(inputs.size() + outputs);
    for (size_t i = 0; i < inputs.size(); ++i) {
      auto input = inputs.get<ffi::AnyBuffer>(i);
      if (!input.has_value()) return input.error();
      buffers.push_back({static_cast<char*>(input->untyped_data()), int64_t(input->size_bytes()), false});
    }
    for (size_t i = 0; i < outputs; ++i) {
      auto result = results.get<ffi::AnyBuffer>(i);
      if (!result.has_value()) return result.error();
      buffers.push_back({static_cast<char*>((*result)->untyped_data()), int64_t((*result)->size_bytes()), true});
    }
    return ffi::Error::Success();
  }

  ffi::Error run(ffi::ThreadPool& pool, std::string_view isa, const Profile* profile) const {
    const Arithmetic* const arithmetic = named(std::string(isa).c_str());
    if (arithmetic == nullptr) return invalid("this processor lacks the instruction set " + std::string(isa));
    Threads threads;
    threads.count = pool.num_threads();
    for (const Buffer& buffer : buffers)
      if (buffer.writable) advise_huge_pages(buffer.data, buffer.bytes, work.blocks.huge_bytes);
    threads.schedule = [&pool](std::function<void()> task) { pool.Schedule(std::move(task)); };
    const std::string failure = execute(work, *arithmetic, threads, profile);
    return failure.empty() ? ffi::Error::Success() : ffi::Error(ffi::ErrorCode::kResourceExhausted, "raggeddsl: " + failure);
  }
};

ffi::Error run(ffi::ThreadPool pool, ffi::AnyBuffer tables, ffi::RemainingArgs inputs, ffi::RemainingRets results,
               int64_t local_bytes, std::string_view isa) {
  Call call;
  ffi::Error fault = call.read(tables, inputs, results, results.size(), local_bytes);
  return fault.failure() ? fault : call.run(pool, isa, nullptr);
}

ffi::Error run_named(ffi::ThreadPool pool, ffi::RemainingArgs inputs, ffi::RemainingRets results, int64_t low, int64_t high,
                     std::string_view isa) {
  const std::shared_ptr<const Table> table = registry().find({uint64_t(low), uint64_t(high)});
  if (table == nullptr)
    return ffi::Error(ffi::ErrorCode::kNotFound,
                      "raggeddsl: this process has no table of the name that the program was compiled with.  Where a compiled "
                      "program is taken to another process (serialize_executable), trace and lower its function there first, or "
                      "compile it with RAGGEDDSL_EMBED_TABLES=1, so that its tables are part of it");
  Call call;
  if (ffi::Error fault = call.take(inputs, results, results.size()); fault.failure()) return fault;
  if (!table->fits(call.buffers)) return invalid("the buffers are not of the sizes that the table was checked for");
  call.work = table->on(call.buffers);
  return call.run(pool, isa, nullptr);
}

// The same as `run`, with the section of each task as a further operand s32[T], and s32[sections, 6] (the
// bytes of struct Section) as the last result.
ffi::Error measure(ffi::ThreadPool pool, ffi::AnyBuffer tables, ffi::BufferR1<ffi::S32> numbers, ffi::RemainingArgs inputs,
                   ffi::RemainingRets results, int64_t local_bytes, std::string_view isa) {
  Call call;
  if (results.size() < 1) return invalid("there is no room for the times");
  if (ffi::Error fault = call.read(tables, inputs, results, results.size() - 1, local_bytes); fault.failure())
    return fault;
  auto times = results.get<ffi::BufferR2<ffi::S32>>(results.size() - 1);
  if (!times.has_value()) return times.error();
  const auto shape = (*times)->dimensions();
  if (shape[1] * 4 != int64_t(sizeof(Section)) || reinterpret_cast<uintptr_t>((*times)->typed_data()) % alignof(Section) != 0)
    return invalid("the room for the times has the wrong shape or alignment");
  const Profile profile{numbers.typed_data(), reinterpret_cast<Section*>((*times)->typed_data()), shape[0]};
  const bool known = std::all_of(profile.number, profile.number + numbers.element_count(),
                                 [&](int32_t number) { return number >= 0 && number < profile.count; });
  if (int64_t(numbers.element_count()) != call.work.task_count || !known)
    return invalid("the sections of the tasks do not fit the times");
  return call.run(pool, isa, &profile);
}

Blocks blocks_from(const int64_t* sizes) {
  Blocks blocks;
  std::memcpy(&blocks, sizes, sizeof blocks);
  return blocks;
}

}  // namespace
}  // namespace raggeddsl

extern "C" __attribute__((visibility("default"))) XLA_FFI_Error* raggeddsl_run_v2(XLA_FFI_CallFrame* call_frame);
extern "C" __attribute__((visibility("default"))) XLA_FFI_Error* raggeddsl_run_named_v2(XLA_FFI_CallFrame* call_frame);
extern "C" __attribute__((visibility("default"))) XLA_FFI_Error* raggeddsl_measure_v2(XLA_FFI_CallFrame* call_frame);

XLA_FFI_DEFINE_HANDLER_SYMBOL(raggeddsl_run_v2, raggeddsl::run,
                              xla::ffi::Ffi::Bind()
                                  .Ctx<xla::ffi::ThreadPool>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .RemainingArgs()
                                  .RemainingRets()
                                  .Attr<int64_t>("local_bytes")
                                  .Attr<std::string_view>("isa"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(raggeddsl_run_named_v2, raggeddsl::run_named,
                              xla::ffi::Ffi::Bind()
                                  .Ctx<xla::ffi::ThreadPool>()
                                  .RemainingArgs()
                                  .RemainingRets()
                                  .Attr<int64_t>("low")
                                  .Attr<int64_t>("high")
                                  .Attr<std::string_view>("isa"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(raggeddsl_measure_v2, raggeddsl::measure,
                              xla::ffi::Ffi::Bind()
                                  .Ctx<xla::ffi::ThreadPool>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .Arg<xla::ffi::BufferR1<xla::ffi::S32>>()
                                  .RemainingArgs()
                                  .RemainingRets()
                                  .Attr<int64_t>("local_bytes")
                                  .Attr<std::string_view>("isa"));

// Puts tables (`read_tables`) into the registry, once more if they are there already, for `inputs` buffers
// and then `outputs` that may be written, of these sizes in bytes.  Null and their name, or what is wrong
// with them; that text lasts until this thread's next call.  `raggeddsl_release` takes them back.
extern "C" __attribute__((visibility("default"))) const char* raggeddsl_hold(const void* tables, int64_t bytes, const int64_t* sizes,
                                                                             int32_t inputs, int32_t outputs, int64_t local_bytes,
                                                                             uint64_t* name) {
  using namespace raggeddsl;
  std::vector<Buffer> buffers;
  for (int32_t b = 0; b < inputs + outputs; ++b) buffers.push_back({nullptr, sizes[b], b >= inputs});
  Work work{};
  work.buffers = buffers.data(), work.buffer_count = inputs + outputs, work.local_bytes = local_bytes;
  thread_local std::string fault;
  Hash hash;
  fault = read_tables(tables, bytes, work) ? registry().hold(work, hash) : "the tables have the wrong size or alignment";
  name[0] = hash.low, name[1] = hash.high;
  return fault.empty() ? nullptr : fault.c_str();
}

extern "C" __attribute__((visibility("default"))) void raggeddsl_release(const uint64_t* name) {
  raggeddsl::registry().release({name[0], name[1]});
}

// The version of the format of all that is passed here.
extern "C" __attribute__((visibility("default"))) int raggeddsl_format() { return raggeddsl::kFormat; }

// Whether calls show what they read before it is written (execute.h); returns whether they did so far.
extern "C" __attribute__((visibility("default"))) int raggeddsl_set_poison(int on) { return raggeddsl::set_poison(on != 0); }

// The name of the instruction set in use.
extern "C" __attribute__((visibility("default"))) const char* raggeddsl_isa() {
  return raggeddsl::best_arithmetic().name;
}

// Whether this processor can run the instruction set `name` ("base", "avx2", "avx512").
extern "C" __attribute__((visibility("default"))) int raggeddsl_has_isa(const char* name) {
  return raggeddsl::find_arithmetic(name) != nullptr;
}

// What comes out wrong on this processor with these block sizes (struct Blocks), or null.
extern "C" __attribute__((visibility("default"))) const char* raggeddsl_self_test(const int64_t* blocks) {
  return raggeddsl::self_test(raggeddsl::best_arithmetic(), raggeddsl::blocks_from(blocks));
}

// Makes another library's cblas_?gemm (32-bit integers) the instruction set "provider", for products
// of `least` multiplications and more; `threads_here` may be null (see provider.h).  Null, or what comes
// out wrong with it and these block sizes: then it is not used.  To be called once, before anything runs with it.
extern "C" __attribute__((visibility("default"))) const char* raggeddsl_set_provider(void* sgemm, void* dgemm, void* cgemm,
                                                                                     void* zgemm, void* threads_here,
                                                                                     int64_t least, const int64_t* blocks) {
  raggeddsl::Provider provider;
  provider.sgemm = reinterpret_cast<raggeddsl::RealGemm32>(sgemm);
  provider.dgemm = reinterpret_cast<raggeddsl::RealGemm64>(dgemm);
  provider.cgemm = reinterpret_cast<raggeddsl::ComplexGemm>(cgemm);
  provider.zgemm = reinterpret_cast<raggeddsl::ComplexGemm>(zgemm);
  provider.threads_here = reinterpret_cast<int (*)(int)>(threads_here);
  raggeddsl::set_provider(provider);  // every product of the test is one of its own
  const char* const fault = raggeddsl::self_test(*raggeddsl::provider_arithmetic(), raggeddsl::blocks_from(blocks));
  provider.least = least;
  raggeddsl::set_provider(fault == nullptr ? provider : raggeddsl::Provider{});
  return fault;
}

// Which code each of `count` tasks runs in (types.h, Path), into `paths`; 1 if there is no such instruction set.
extern "C" __attribute__((visibility("default"))) int raggeddsl_paths(const void* tasks, int64_t count, const char* isa,
                                                                      const int64_t* blocks, int8_t* paths) {
  using namespace raggeddsl;
  const Arithmetic* const arithmetic = named(isa);
  if (arithmetic == nullptr) return 1;
  const Blocks sizes = blocks_from(blocks);
  for (int64_t row = 0; row < count; ++row) {
    const Task& t = static_cast<const Task*>(tasks)[row];
    const Path other = t.op == Op::combine ? Path::combine : Path::zero;
    paths[row] = int8_t(t.op == Op::product ? arithmetic->path(shape_of(t), sizes) : other);
  }
  return 0;
}

// How often each code runs for `count` tasks (counting.h), into int64 `counts`, of which there are
// `raggeddsl_census_counts()`.  Null, or what is wrong; that text lasts until this thread's next call.
extern "C" __attribute__((visibility("default"))) const char* raggeddsl_census(const void* tasks, int64_t count, const char* isa,
                                                                               const int64_t* blocks, int64_t* counts) {
  using namespace raggeddsl;
  const Arithmetic* const arithmetic = named(isa);
  if (arithmetic == nullptr) return "there is no such instruction set";
  thread_local std::string fault;
  Census census;
  fault = count_paths(static_cast<const Task*>(tasks), count, *arithmetic, blocks_from(blocks), census);
  std::memcpy(counts, &census, sizeof census);
  return fault.empty() ? nullptr : fault.c_str();
}

// Not 0 for all code that products computed in a type (types.h, DType) can run in; 1 if there is no such set.
extern "C" __attribute__((visibility("default"))) int raggeddsl_all_paths(const char* isa, int32_t compute, int64_t* counts) {
  using namespace raggeddsl;
  const Arithmetic* const arithmetic = named(isa);
  if (arithmetic == nullptr) return 1;
  Census census;
  arithmetic->all_paths(DType(compute), census);
  std::memcpy(counts, &census, sizeof census);
  return 0;
}

extern "C" __attribute__((visibility("default"))) int raggeddsl_census_counts() { return raggeddsl::kCensusCounts; }

// What the counts are called; the text lasts until this thread's next call.
extern "C" __attribute__((visibility("default"))) const char* raggeddsl_census_name(int32_t place) {
  thread_local std::string name;
  name = raggeddsl::census_name(place);
  return name.c_str();
}
