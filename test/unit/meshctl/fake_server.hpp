// SPDX-License-Identifier: Apache-2.0
// An agent made of recorded answers, and a run of the whole program against it.
#pragma once

#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include "../http/loop_thread.hpp"
#include "cli.hpp"

namespace meshd::meshctl {

inline std::string read_file(const std::string& path) {
    std::ifstream file(path);
    EXPECT_TRUE(file) << path;
    return {std::istreambuf_iterator<char>(file), {}};
}

inline std::string golden_path(const std::string& name) { return std::string(MESHD_GOLDEN_DIRECTORY) + "/" + name; }

// "GET /v1/status" to the name of a file in test/golden/answers, with the status that it is sent with.
struct Answer {
    std::string file;
    unsigned status = 200;
};
using Answers = std::map<std::string, Answer>;

class FakeServer {
public:
    explicit FakeServer(Answers answers)
        : answers_(std::move(answers)),
          server_(http::UnixSocket{socket(), 0660, {}, {}},
                  http::answer_at_once([this](const auto& request) { return answer(request); })) {}

    [[nodiscard]] std::string socket() const { return directory_.file("control.sock"); }
    std::vector<http::Request> requests() {
        const std::lock_guard lock(mutex_);
        return requests_;
    }

private:
    http::Response answer(const http::Request& request) {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
        const auto found = answers_.find(request.method + " " + request.path);
        if (found == answers_.end()) return {404, R"({"error":{"message":"not recorded","remedy":""}})", "application/json", {}};
        return {found->second.status, read_file(golden_path("answers/" + found->second.file + ".json")), "application/json", {}};
    }

    http::TemporaryDirectory directory_;
    Answers answers_;
    std::mutex mutex_;
    std::vector<http::Request> requests_;
    http::ServerThread server_;
};

struct Outcome {
    int code = -1;
    std::string out;
    std::string err;
};

inline Outcome run_meshctl(const std::vector<std::string>& arguments) {
    std::ostringstream out;
    std::ostringstream err;
    const int code = run(arguments, out, err);
    return {code, out.str(), err.str()};
}

inline Outcome run_meshctl(const std::string& socket, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--socket", socket});
    return run_meshctl(arguments);
}

}  // namespace meshd::meshctl
