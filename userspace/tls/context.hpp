// SPDX-License-Identifier: Apache-2.0
// What trust.hpp hides from those who do not know OpenSSL.
#pragma once

#include <boost/asio/ssl/context.hpp>

namespace meshd::tls {

class Trust {
public:
    Trust() : context(boost::asio::ssl::context::tls_client) {}
    boost::asio::ssl::context context;
};

}  // namespace meshd::tls
