"""The target `dispatch`: one small executable for each exact shape, launched in the order of the plan."""
