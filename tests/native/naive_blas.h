// cblas_?gemm by plain loops: what the engine is given in place of another library's.
#pragma once

#include <complex>

#include "provider.h"

namespace raggeddsl_tests {

template <class T>
void naive(int order, int a_trans, int b_trans, int m, int n, int k, T alpha, const T* a, int lda, const T* b, int ldb, T beta,
           T* c, int ldc) {
  const bool a_plain = a_trans == 111, b_plain = b_trans == 111;
  if (order != 101 || lda < (a_plain ? k : m) || ldb < (b_plain ? n : k) || ldc < n) return;  // as BLAS does: nothing
  for (int i = 0; i < m; ++i)
    for (int j = 0; j < n; ++j) {
      T sum = 0;
      for (int p = 0; p < k; ++p)
        sum += (a_plain ? a[int64_t(i) * lda + p] : a[int64_t(p) * lda + i]) * (b_plain ? b[int64_t(p) * ldb + j] : b[int64_t(j) * ldb + p]);
      T& to = c[int64_t(i) * ldc + j];
      to = beta == T(0) ? alpha * sum : alpha * sum + beta * to;
    }
}

template <class T>
void naive_complex(int order, int a_trans, int b_trans, int m, int n, int k, const void* alpha, const void* a, int lda,
                   const void* b, int ldb, const void* beta, void* c, int ldc) {
  naive<T>(order, a_trans, b_trans, m, n, k, *static_cast<const T*>(alpha), static_cast<const T*>(a), lda, static_cast<const T*>(b), ldb,
           *static_cast<const T*>(beta), static_cast<T*>(c), ldc);
}

// Every product that cblas has a form for goes to the loops above.
inline void set_naive_provider() {
  raggeddsl::Provider provider;
  provider.sgemm = naive<float>;
  provider.dgemm = naive<double>;
  provider.cgemm = naive_complex<std::complex<float>>;
  provider.zgemm = naive_complex<std::complex<double>>;
  provider.threads_here = [](int threads) { return threads; };
  raggeddsl::set_provider(provider);
}

}  // namespace raggeddsl_tests
