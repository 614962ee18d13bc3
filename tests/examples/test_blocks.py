"""The block-sparse example's gradients are those of dense matrices, and lead to the tensor that is sought."""


def test_value_and_gradients_are_those_of_dense_matrices(example):
    fit = example("blocks/fit")
    X, Z = fit.tensors(0)
    other, _ = fit.tensors(1)
    found = fit.compare(other, Z, fit.contract(X, Z))
    assert found["value"] < 1e-4 and found["gradient"] < 1e-4


def test_a_forgotten_tensor_is_fitted(example):
    fit = example("blocks/fit")
    X, Z = fit.tensors(0)
    falling = fit.fit(Z, fit.contract(X, Z), 0 * X, 6)
    assert len(falling) == 7
    assert falling[6] < falling[3] < falling[0] and falling[6] < 0.02 * falling[0]
