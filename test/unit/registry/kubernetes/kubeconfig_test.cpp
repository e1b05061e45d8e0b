// SPDX-License-Identifier: Apache-2.0
#include "registry/kubernetes/kubeconfig.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "registry/kubernetes/credentials.hpp"

namespace meshd::registry::kubernetes {
namespace {

using testing::HasSubstr;

std::string config(const std::string& cluster, const std::string& user) {
    return "apiVersion: v1\nkind: Config\ncurrent-context: one\n"
           "contexts:\n- name: one\n  context: {cluster: c, user: u, namespace: x}\n- name: two\n  context: {cluster: missing, "
           "user: u}\n"
           "clusters:\n- name: c\n  cluster: " +
           cluster + "\nusers:\n- name: u\n  user: " + user + "\n";
}

std::string error_of(const std::string& text, const std::string& context = "") {
    const auto read = parse_kubeconfig(text, "/etc/k/config", context);
    return read ? "" : read.error().message();
}

TEST(KubeConfig, FilesAreBesideIt) {
    const auto read =
        parse_kubeconfig(config("{server: 'https://10.0.0.1:6443/', certificate-authority: ca.crt, tls-server-name: api}",
                                "{client-certificate: /x/c.crt, client-key: keys/c.key, tokenFile: token, token: other}"),
                         "/etc/k/config", "");
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_EQ(read->server, "https://10.0.0.1:6443");
    EXPECT_EQ(read->server_name, "api");
    EXPECT_EQ(read->authority.file, "/etc/k/ca.crt");
    EXPECT_EQ(read->certificate.file, "/x/c.crt");
    EXPECT_EQ(read->key.file, "/etc/k/keys/c.key");
    EXPECT_EQ(read->token.file, "/etc/k/token");
    EXPECT_EQ(read->token.text, "") << "the file comes first, as kubectl has it";
}

TEST(KubeConfig, DataStandsForAFile) {
    const auto read = parse_kubeconfig(
        config("{server: 'https://h', certificate-authority: x, certificate-authority-data: Q0E=}", "{token: t}"), "config",
        "one");
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_EQ(read->authority.text, "CA");
    EXPECT_EQ(read->authority.file, "");
    EXPECT_EQ(read->token.text, "t");
}

TEST(KubeConfig, RefusesWithPlaceAndRemedy) {
    const std::string cluster = "{server: 'https://h'}";
    EXPECT_THAT(
        error_of(config("{server: 'https://h', insecure-skip-tls-verify: true}", "{token: t}")),
        testing::AllOf(HasSubstr("/etc/k/config:11:"), HasSubstr("any server would be believed"), HasSubstr("; remove it")));
    EXPECT_EQ(error_of(config("{server: 'https://h', insecure-skip-tls-verify: false}", "{token: t}")), "");
    EXPECT_THAT(error_of(config(cluster, "{exec: {command: aws}}")),
                testing::AllOf(HasSubstr("to log in by \"exec\" is not supported"), HasSubstr("; give it a \"token\"")));
    EXPECT_THAT(error_of(config(cluster, "{username: a, password: b}")), HasSubstr("\"username\" is not supported"));
    EXPECT_THAT(error_of(config(cluster, "{client-certificate: a}")), HasSubstr("one is missing"));
    EXPECT_THAT(error_of(config("{server: 'ftp://h'}", "{token: t}")), HasSubstr("no http or https URL"));
    EXPECT_THAT(error_of(config("{server: 'https://h', proxy-url: 'http://p'}", "{token: t}")),
                HasSubstr("a proxy is not supported"));
    EXPECT_THAT(error_of(config("{server: 'https://h', certificate-authority-data: '*'}", "{token: t}")),
                HasSubstr("is not base64"));
    EXPECT_THAT(error_of(config(cluster, "{token: t}"), "two"), HasSubstr("there is no cluster \"missing\""));
    EXPECT_THAT(error_of(config(cluster, "{token: t}"), "three"), HasSubstr("there is no context \"three\""));
    EXPECT_THAT(error_of("kind: Config\n"), HasSubstr("no \"current-context\""));
    EXPECT_THAT(error_of("[1]"), HasSubstr("no \"current-context\""));
}

// ---- Credentials ----

class CredentialsTest : public testing::Test {
protected:
    CredentialsTest() : directory(std::filesystem::temp_directory_path() / ("meshd-kubeconfig-" + std::to_string(::getpid()))) {
        std::filesystem::create_directory(directory);
    }
    ~CredentialsTest() override { std::filesystem::remove_all(directory); }
    std::string write(const std::string& name, const std::string& text) {
        std::ofstream(directory / name) << text;
        return directory / name;
    }
    model::KubernetesRegistry settings(const std::string& kubeconfig) {
        model::KubernetesRegistry result;
        result.kubeconfig = kubeconfig;
        return result;
    }
    static std::string content(const std::string& path) {
        std::ifstream file(path);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    std::filesystem::path directory;
};

TEST_F(CredentialsTest, ATokenThatIsReplacedIsReadAgain) {
    write("token", "first\n");
    Credentials credentials(settings(write("config", config("{server: 'https://h'}", "{tokenFile: token}"))));
    EXPECT_EQ(credentials.current()->token, "first");
    write("token", "second");
    EXPECT_EQ(credentials.current()->token, "second");
    write("token", " \n");
    EXPECT_THAT(credentials.current().error().message(), HasSubstr((directory / "token").string()));
    std::filesystem::remove(directory / "token");
    EXPECT_THAT(credentials.current().error().message(), HasSubstr("No such file"));
}

TEST_F(CredentialsTest, DataIsReadableAsAFileOfThisProcess) {
    Credentials credentials(
        settings(write("config", config("{server: 'https://h', certificate-authority-data: Q0E=}", "{token: t}"))));
    const auto access = credentials.current();
    ASSERT_TRUE(access) << access.error().message();
    EXPECT_EQ(content(access->tls.ca), "CA");
    EXPECT_EQ(credentials.current()->tls.ca, access->tls.ca) << "the same content is the same file";
}

TEST_F(CredentialsTest, InAPodTheEnvironmentTellsTheServer) {
    ::unsetenv("KUBERNETES_SERVICE_HOST");
    Credentials credentials(settings(""));
    EXPECT_THAT(credentials.current().error().message(),
                testing::AllOf(HasSubstr("KUBERNETES_SERVICE_HOST"), HasSubstr("; name a kubeconfig")));
    ::setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
    ::setenv("KUBERNETES_SERVICE_PORT", "443", 1);
    EXPECT_THAT(credentials.current().error().message(), HasSubstr("/var/run/secrets/kubernetes.io/serviceaccount/token"));
    ::unsetenv("KUBERNETES_SERVICE_HOST");
    ::unsetenv("KUBERNETES_SERVICE_PORT");
}

TEST(NodeName, IsOfTheSettingsThenTheEnvironmentThenTheHost) {
    model::KubernetesRegistry settings;
    settings.node = "n1";
    ::setenv("NODE_NAME", "n2", 1);
    EXPECT_EQ(node_name(settings), "n1");
    settings.node.clear();
    EXPECT_EQ(node_name(settings), "n2");
    ::unsetenv("NODE_NAME");
    EXPECT_NE(node_name(settings), "");
}

}  // namespace
}  // namespace meshd::registry::kubernetes
