// SPDX-License-Identifier: Apache-2.0
// The object library that owns the precompiled header needs a source.
#include "test_headers.hpp"
