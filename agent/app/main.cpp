// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include "app/app.hpp"

int main(int argc, char** argv) {
    int exit_code = 0;
    const auto options = meshd::app::parse_options(argc, argv, exit_code);
    if (!options) return exit_code;
    const auto outcome = options->check             ? meshd::app::check(*options)
                         : options->unload          ? meshd::app::unload(*options)
                         : options->roll_back       ? meshd::app::roll_back(*options)
                         : options->forget_previous ? meshd::app::forget_previous(*options)
                                                    : meshd::app::run(*options);
    if (outcome) return 0;
    std::cerr << "meshd: " << outcome.error().message() << "\n";
    return 1;
}
