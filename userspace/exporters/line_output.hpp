// SPDX-License-Identifier: Apache-2.0
// Where lines are written to. For one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/error.hpp"
#include "base/unique_fd.hpp"

namespace meshd::exporters {

class LineOutput {
public:
    LineOutput() = default;
    LineOutput(const LineOutput&) = delete;
    LineOutput& operator=(const LineOutput&) = delete;
    virtual ~LineOutput() = default;

    // To be called before each write; does nothing when all is well.
    virtual base::Result<void> open() = 0;
    // Whole lines, in order. After an error the first `written` are there and nothing of the others.
    virtual base::Result<void> write(std::span<const std::string> lines, std::size_t& written) = 0;
    virtual void close() = 0;
};

// A file that is put aside when it has reached a size: FILE becomes FILE.1, FILE.1 becomes FILE.2, and the last one goes.
class RotatingFile : public LineOutput {
public:
    RotatingFile(std::string path, std::uint64_t size, std::uint32_t keep) : path_(std::move(path)), most_(size), keep_(keep) {}

    // Opens it anew when it has been removed. One that was renamed is written on until close().
    base::Result<void> open() override;
    // A file that cannot be put aside is written on beyond its size, and the error told: all lines are written then.
    base::Result<void> write(std::span<const std::string> lines, std::size_t& written) override;
    void close() override { file_.reset(); }

private:
    base::Result<void> append(std::string_view text);
    base::Result<void> rotate();

    std::string path_;
    std::uint64_t most_;
    std::uint32_t keep_;
    base::UniqueFd file_;
    std::uint64_t size_ = 0;
    base::Result<void> rotated_;                             // the last time
    std::chrono::steady_clock::time_point next_rotation_{};  // not before
};

// Standard output: perhaps a pipe or a socket whose reader is slow.
class StandardOutput : public LineOutput {
public:
    base::Result<void> open() override { return {}; }
    base::Result<void> write(std::span<const std::string> lines, std::size_t& written) override;
    void close() override {}

private:
    std::size_t sent_ = 0;  // bytes of a line that is to be written on
};

}  // namespace meshd::exporters
