// SPDX-License-Identifier: Apache-2.0
#include <exception>
#include <iostream>

#include "cli.hpp"

int main(int argc, char** argv) try {
    const int code = meshd::meshctl::run({argv + 1, argv + argc}, std::cout, std::cerr);
    std::cout.flush();
    if (std::cout.good()) return code;
    std::cerr << "meshctl: cannot write the output\n";
    return 1;
} catch (const std::exception& exception) {  // out of memory
    std::cerr << "meshctl: " << exception.what() << '\n';
    return 1;
}
