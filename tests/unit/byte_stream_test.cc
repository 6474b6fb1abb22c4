// Streams over memory and files.
#include "io/byte_stream.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <string>
#include <vector>

namespace pipit {
namespace {

// A file in the tests' temporary folder that is removed again.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::vector<uint8_t>& bytes)
      : path_(::testing::TempDir() + "pipit_byte_stream_test") {
    FILE* file = std::fopen(path_.c_str(), "wb");
    if (file == nullptr) return;
    written_ = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
    written_ = std::fclose(file) == 0 && written_;
  }
  ~TemporaryFile() { std::remove(path_.c_str()); }

  bool written() const { return written_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool written_ = false;
};

std::vector<uint8_t> some_bytes(size_t n) {
  std::vector<uint8_t> bytes(n);
  for (size_t i = 0; i < n; ++i) bytes[i] = static_cast<uint8_t>(i * 31);
  return bytes;
}

// Everything that the stream gives, `chunk` bytes at most at a time.
std::vector<uint8_t> read_all(ByteStream& stream, size_t chunk) {
  std::vector<uint8_t> all;
  std::vector<uint8_t> buffer(chunk);
  while (true) {
    const Result<size_t> n = stream.read(buffer);
    EXPECT_TRUE(n.ok()) << n.status().message();
    if (!n.ok() || *n == 0) return all;
    EXPECT_LE(*n, chunk);
    all.insert(all.end(), buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(*n));
  }
}

TEST(ByteStream, GivesEveryByteInOrder) {
  for (const size_t n : {0, 1, 63, 64, 65, 10000}) {
    const std::vector<uint8_t> bytes = some_bytes(n);
    const TemporaryFile file(bytes);
    ASSERT_TRUE(file.written());
    for (const size_t chunk : {1, 7, 64, 20000}) {
      SCOPED_TRACE(testing::Message() << n << " bytes, " << chunk << " at a time");
      const std::unique_ptr<ByteStream> memory = memory_stream(bytes);
      EXPECT_EQ(memory->size(), n);
      EXPECT_EQ(read_all(*memory, chunk), bytes);
      EXPECT_EQ(*memory->read({}), 0u);

      const Result<std::unique_ptr<ByteStream>> stream = file_stream(file.path());
      ASSERT_TRUE(stream.ok()) << stream.status().message();
      EXPECT_EQ(stream.value()->size(), n);
      EXPECT_EQ(read_all(*stream.value(), chunk), bytes);
      EXPECT_EQ(*stream.value()->read({}), 0u);
    }
  }
}

TEST(FileStream, SaysWhyItCannotRead) {
  const TemporaryFile file({1, 2, 3});
  ASSERT_TRUE(file.written());
  const struct {
    const char* name;
    std::string path;
    StatusCode code;
    const char* message;
  } kCases[] = {
      {"missing", ::testing::TempDir() + "no_such_pipit_file", StatusCode::kNotFound,
       "There is no file"},
      {"empty path", "", StatusCode::kNotFound, "There is no file \"\""},
      {"file as a folder", file.path() + "/model.gguf", StatusCode::kNotFound, "There is no file"},
      {"directory", ::testing::TempDir(), StatusCode::kIo, "is a directory"},
      {"control characters", "no\nsuch\x1b[31m", StatusCode::kNotFound, "\"no\\x0asuch\\x1b[31m\""},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    const Result<std::unique_ptr<ByteStream>> stream = file_stream(c.path);
    ASSERT_FALSE(stream.ok());
    EXPECT_EQ(stream.status().code(), c.code);
    EXPECT_NE(stream.status().message().find(c.message), std::string::npos)
        << stream.status().message();
  }
}

TEST(FileStream, PermissionDenied) {
  const TemporaryFile file({1, 2, 3});
  ASSERT_TRUE(file.written());
  ASSERT_EQ(chmod(file.path().c_str(), 0), 0);
  if (FILE* opened = std::fopen(file.path().c_str(), "rb")) {
    std::fclose(opened);
    GTEST_SKIP() << "this user may read everything";
  }
  const Result<std::unique_ptr<ByteStream>> stream = file_stream(file.path());
  ASSERT_FALSE(stream.ok());
  EXPECT_EQ(stream.status().code(), StatusCode::kIo);
  EXPECT_NE(stream.status().message().find("permission denied"), std::string::npos);
}

}  // namespace
}  // namespace pipit
