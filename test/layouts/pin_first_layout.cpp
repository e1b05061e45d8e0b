// SPDX-License-Identifier: Apache-2.0
// For end-to-end tests: leaves a node as an agent of the first ABI version does. Arguments: TOP CGROUP NAME ADDRESS PORT
// BACKEND_ADDRESS BACKEND_PORT.
#include <cstdlib>
#include <exception>
#include <iostream>

#include "layouts/first_layout.hpp"

int main(int argc, char** argv) {
    if (argc != 8) {
        std::cerr << "usage: pin-first-layout TOP CGROUP NAME ADDRESS PORT BACKEND_ADDRESS BACKEND_PORT\n";
        return 2;
    }
    const auto port = [](const char* text) { return static_cast<std::uint16_t>(std::strtoul(text, nullptr, 10)); };
    try {
        meshd::layouts::pin_first_layout(argv[1], argv[2], {argv[3], argv[4], port(argv[5]), argv[6], port(argv[7])});
    } catch (const std::exception& error) {
        std::cerr << "pin-first-layout: " << error.what() << "\n";
        return 1;
    }
    return 0;
}
