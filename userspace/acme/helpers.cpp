// SPDX-License-Identifier: Apache-2.0
#include "acme/helpers.hpp"

#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>

#include <sys/prctl.h>
#include <unistd.h>

#include "acme/challenge.hpp"
#include "http/client.hpp"

namespace meshd::acme {

namespace {

constexpr const char* mode = "acme-run";  // PARENT SOCKET PROGRAM ARGUMENT...
constexpr int words_of_mode = 5;
constexpr const char* socket_variable = "MESHD_ACME_SOCKET";
constexpr std::chrono::seconds patience{10};
constexpr unsigned ok = 200, declined = 409;

int begin_program(char** argv) {
    pid_t parent = 0;
    const std::string_view number = argv[2];
    std::from_chars(number.data(), number.data() + number.size(), parent);
    // The worker may be gone already: then nobody would send the signal.
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || ::getppid() != parent) return cannot_begin;
    if (::setenv(socket_variable, argv[3], 1) != 0) return cannot_begin;
    ::execvp(argv[4], argv + 4);
    const int code = errno;
    std::fprintf(stderr, "cannot run %s: %s\n", argv[4], std::strerror(code));
    return cannot_begin;
}

int tell_worker(const char* socket, char** argv) {
    const auto step = read_step(argv[1], argv[2], argv[3], argv[4], argv[5]);
    if (!step) {
        std::fprintf(stderr, "%s\n", step.error().message().c_str());
        return 1;
    }
    const auto answer = http::Client(socket, patience).request("POST", challenge_path, to_text(*step));
    if (!answer)
        std::fprintf(stderr, "%s\n", answer.error().message().c_str());
    else if (answer->status != ok && answer->status != declined)
        std::fprintf(stderr, "the worker refuses the challenge for %s: %s\n", argv[3], answer->body.c_str());
    return answer && answer->status == ok ? 0 : 1;
}

}  // namespace

std::vector<std::string> as_helper(const std::string& self, const std::string& socket, std::vector<std::string> words) {
    std::vector<std::string> all{self, mode, std::to_string(::getpid()), socket};
    all.insert(all.end(), words.begin(), words.end());
    return all;
}

std::string own_program() {
    constexpr std::string_view gone = " (deleted)";
    std::error_code error;
    auto path = std::filesystem::read_symlink("/proc/self/exe", error).string();
    if (path.ends_with(gone)) path.resize(path.size() - gone.size());
    return path;
}

std::optional<int> run_helper(int argc, char** argv) {
    if (argc >= words_of_mode && std::string_view(argv[1]) == mode) return begin_program(argv);
    const auto* const socket = std::getenv(socket_variable);  // NOLINT(concurrency-mt-unsafe): one thread
    constexpr int words_of_hook = 6;
    if (socket != nullptr && argc == words_of_hook) return tell_worker(socket, argv);
    return std::nullopt;
}

}  // namespace meshd::acme
