# What scripts/bench.sh does with its results. It uses the distribution's Python, which has the distribution's matplotlib.
foreach(test comparison page plots)
  add_test(NAME bench_${test} COMMAND /usr/bin/python3 -B ${CMAKE_CURRENT_LIST_DIR}/bench/${test}_test.py)
  set_tests_properties(bench_${test} PROPERTIES LABELS unit SKIP_RETURN_CODE 77 TIMEOUT 120)
endforeach()
