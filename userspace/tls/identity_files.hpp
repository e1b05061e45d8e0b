// SPDX-License-Identifier: Apache-2.0
// A certificate and its key, from files. Private to this library.
#pragma once

#include <string>

#include "base/error.hpp"
#include "model/tls.hpp"
#include "tls/make_contexts.hpp"

namespace meshd::tls {

// As it is, with the remedy when the worker's user may not.
base::Result<std::string> read_for_worker(const std::string& path);

// An error names the file: it cannot be read, is no PEM, or the two do not belong together.
base::Result<Identity> read_identity(const model::CertificateFiles& files);
// Of texts; `files` names them in errors.
base::Result<Identity> identity_in(const std::string& certificate, const std::string& key, const model::CertificateFiles& files);

}  // namespace meshd::tls
