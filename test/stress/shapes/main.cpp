// SPDX-License-Identifier: Apache-2.0
// Both ends of TCP connections of every shape, each byte and each end checked.
#include <chrono>
#include <csignal>
#include <cstring>
#include <iostream>
#include <random>
#include <stdexcept>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "bench/sockets.hpp"
#include "drive.hpp"
#include "ring.hpp"
#include "serve.hpp"

namespace meshd::shapes {

namespace {

std::atomic<bool> stop = false;

void listen_to_signals() {
    struct sigaction action {};
    action.sa_handler = [](int) { stop = true; };
    for (const int number : {SIGTERM, SIGINT})
        if (::sigaction(number, &action, nullptr) != 0) bench::throw_errno("sigaction");
    std::signal(SIGPIPE, SIG_IGN);  // splice() and sendfile() have no flag against it
}

struct Words {
    std::string address;
    std::string board;
    std::string without;
    std::string only;
    std::string mix = "mixed";
    std::uint64_t seed = std::random_device()();
    std::uint64_t budget_s = 0;
};

void leave_out_what_the_kernel_refuses(Menu& menu) {
    if (const int code = Ring::refusal(); code != 0) {
        std::cout << "without io_uring: io_uring_setup: " << std::strerror(code) << std::endl;
        menu.without("uring-send,uring-recv");
    }
}

int run_drive(const Words& words, Run run) {
    run.target = bench::parse_endpoint(words.address);
    run.sizes = parse_mix(words.mix);
    run.seed = words.seed;
    run.budget = std::chrono::seconds(words.budget_s);
    leave_out_what_the_kernel_refuses(run.menu);
    run.menu.without(words.without);
    run.menu.only(words.only);
    auto board = Board::open(words.board);
    Outcome outcome(run.seed);
    std::cout << "seed " << run.seed << std::endl;
    const auto begin = std::chrono::steady_clock::now();
    drive(run, board, outcome, stop);
    auto report = outcome.to_json();
    report["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    std::cout << boost::json::serialize(report) << std::endl;
    return outcome.flawless() ? 0 : 1;
}

int run_serve(const Words& words) {
    auto board = Board::create(words.board);
    serve(bench::parse_endpoint(words.address), board, stop);
    return 0;
}

int run(int argc, char** argv) {
    Words words;
    Run wanted;
    CLI::App app("Both ends of TCP connections of every shape, each byte and each end checked.", "shapes");
    app.require_subcommand(1);
    auto* server = app.add_subcommand("serve", "the end that listens, until SIGTERM");
    auto* driver = app.add_subcommand(
        "drive", "the end that connects; the last line is the outcome, the status is 0 when nothing was wrong");
    for (auto* command : {server, driver}) {
        command->add_option("address", words.address, "ADDRESS:PORT")->required();
        command->add_option("--board", words.board, "file of shared memory: the server makes it, both use it")->required();
    }
    driver->add_option("--connections", wanted.connections, "how many")->capture_default_str();
    driver->add_option("--concurrency", wanted.concurrency, "at a time")->capture_default_str();
    driver->add_option("--seed", words.seed, "of all that is random");
    driver->add_option("--first", wanted.first, "number of the first connection, to repeat one of a seed")->capture_default_str();
    driver->add_option("--mix", words.mix, "of sizes: mixed, small or bulk")->capture_default_str();
    driver->add_option("--budget-seconds", words.budget_s, "no new connections after that");
    driver->add_option("--without", words.without, "shapes to leave out, comma-separated");
    driver->add_option("--only", words.only, "the only shapes of their groups, options in every connection");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    listen_to_signals();
    return *server ? run_serve(words) : run_drive(words, wanted);
}

}  // namespace

}  // namespace meshd::shapes

int main(int argc, char** argv) {
    try {
        return meshd::shapes::run(argc, argv);
    } catch (const std::invalid_argument& error) {
        std::cerr << "shapes: " << error.what() << '\n';
        return 2;
    } catch (const std::exception& error) {
        std::cerr << "shapes: " << error.what() << '\n';
        return 1;
    }
}
