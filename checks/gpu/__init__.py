"""`make gpu-check`: proves on a GPU host what cannot be proved without one."""
