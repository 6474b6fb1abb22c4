// A ByteStream over a file, with C's stdio.
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "base/quote.h"
#include "base/str_cat.h"
#include "io/byte_stream.h"

namespace pipit {
namespace {

constexpr size_t kMaxPathInMessage = 200;

class FileStream final : public ByteStream {
 public:
  FileStream(FILE* file, uint64_t size, std::string name)
      : file_(file), size_(size), name_(std::move(name)) {}
  ~FileStream() override { std::fclose(file_); }
  FileStream(const FileStream&) = delete;
  FileStream& operator=(const FileStream&) = delete;

  uint64_t size() const override { return size_; }

  Result<size_t> read(std::span<uint8_t> buffer) override {
    if (buffer.empty()) return size_t{0};
    const size_t n = std::fread(buffer.data(), 1, buffer.size(), file_);
    if (n == 0 && std::ferror(file_) != 0) {
      return Status(StatusCode::kIo, str_cat("Reading ", name_, " failed (", std::strerror(errno),
                                             "). Check the disk and try again."));
    }
    return n;
  }

 private:
  FILE* file_;
  uint64_t size_;
  std::string name_;  // quoted, for messages
};

Status cannot_open(const std::string& name, int error) {
  if (error == ENOENT || error == ENOTDIR) {
    return {StatusCode::kNotFound,
            str_cat("There is no file ", name, ". Check the path, or download the model first.")};
  }
  if (error == EACCES || error == EPERM) {
    return {StatusCode::kIo, str_cat("The file ", name, " may not be read: permission denied.")};
  }
  return {StatusCode::kIo,
          str_cat("The file ", name, " cannot be opened (", std::strerror(error), ").")};
}

}  // namespace

Result<std::unique_ptr<ByteStream>> file_stream(const std::string& path) {
  std::string name = quote(path, kMaxPathInMessage);
  // Looked at before it is opened: opening a pipe that nobody writes to would wait for ever.
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return cannot_open(name, errno);
  if (!S_ISREG(info.st_mode)) {
    return Status(
        StatusCode::kIo,
        str_cat(name, S_ISDIR(info.st_mode) ? " is a directory" : " is not a regular file",
                "; give the path of a GGUF file."));
  }
  FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return cannot_open(name, errno);
  return std::unique_ptr<ByteStream>(
      std::make_unique<FileStream>(file, static_cast<uint64_t>(info.st_size), std::move(name)));
}

}  // namespace pipit
