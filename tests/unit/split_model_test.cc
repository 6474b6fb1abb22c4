// Models split over several files (llama.cpp's gguf-split): the same model as from one file, or a
// typed error when the files do not belong together.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "support/tiny_llama.h"

namespace pipit {
namespace {

using testing::GgufBuilder;
using testing::TinyLlama;

using File = std::vector<uint8_t>;

// What stands in a part's metadata.
struct SplitKeys {
  uint32_t number;
  uint32_t count;
  int32_t n_tensors;
};

void add_keys(GgufBuilder& builder, const SplitKeys& keys) {
  builder.scalar("split.no", static_cast<uint16_t>(keys.number));
  builder.scalar("split.count", static_cast<uint16_t>(keys.count));
  builder.i32("split.tensors.count", keys.n_tensors);
}

struct Split {
  uint32_t n_files = 3;
  // The file that tensor `i` of `n` goes to.
  std::function<size_t(size_t i, size_t n)> file_of = [](size_t i, size_t n) { return i * 3 / n; };
  std::function<void(SplitKeys&)> change_keys = [](SplitKeys&) {};
  // A tensor that goes to the last file as well.
  std::string_view twice = {};

  std::vector<File> files() const {
    const File whole = TinyLlama().file();
    GgufParser parser(whole.size());
    EXPECT_TRUE(parser.feed(whole).ok());
    const auto gguf = std::move(parser.finish()).value();
    const auto tensors = gguf->tensors();
    const auto add_part = [&](GgufBuilder& builder, uint32_t number) {
      SplitKeys keys{number, n_files, static_cast<int32_t>(tensors.size())};
      change_keys(keys);
      add_keys(builder, keys);
      for (size_t i = 0; i < tensors.size(); ++i) {
        const TensorInfo& t = tensors[i];
        const bool again = t.name == twice && number + 1 == n_files;
        if (file_of(i, tensors.size()) != number && !again) continue;
        const auto* data = whole.data() + t.offset;
        builder.raw_tensor(t.name, t.type, {t.dims, t.dims + t.n_dims}, {data, data + t.n_bytes});
      }
    };
    std::vector<File> files;
    TinyLlama first;
    first.change_tensor = [](std::string& name, auto&) { name.clear(); };
    first.add = [&](GgufBuilder& builder) { add_part(builder, 0); };
    files.push_back(first.file());
    for (uint32_t number = 1; number < n_files; ++number) {
      GgufBuilder builder;
      add_part(builder, number);
      files.push_back(builder.build());
    }
    return files;
  }
};

Result<std::shared_ptr<const Model>> load(const std::vector<File>& files, size_t chunk = 1000) {
  PIPIT_ASSIGN_OR_RETURN(ModelLoader loader, ModelLoader::create({}, files[0].size()));
  for (size_t i = 0; i < files.size(); ++i) {
    if (i > 0) PIPIT_RETURN_IF_ERROR(loader.next_file(files[i].size()));
    for (size_t at = 0; at < files[i].size(); at += chunk) {
      const size_t n = std::min(chunk, files[i].size() - at);
      PIPIT_RETURN_IF_ERROR(loader.feed({files[i].data() + at, n}));
    }
  }
  return loader.finish();
}

std::vector<float> logits_of(const std::shared_ptr<const Model>& model) {
  auto session = Session::create(model, {});
  EXPECT_TRUE(session.ok()) << session.status().message();
  EXPECT_TRUE((*session)->append(std::vector<int32_t>{1, 2, 3}, LogitRows::kAll).ok());
  const auto logits = (*session)->logits();
  return {logits.begin(), logits.end()};
}

TEST(SplitModel, IsTheSameAsTheWhole) {
  const auto whole = load({TinyLlama().file()});
  ASSERT_TRUE(whole.ok()) << whole.status().message();
  struct Case {
    const char* name;
    std::function<size_t(size_t, size_t)> file_of;
  };
  const Case cases[] = {
      {"in order", [](size_t i, size_t n) { return i * 3 / n; }},
      {"no tensor in the first file", [](size_t i, size_t n) { return 1 + i * 2 / n; }},
      {"the embedding last", [](size_t i, size_t n) { return (n - 1 - i) * 3 / n; }},
      {"all in the second", [](size_t, size_t) { return size_t{1}; }},
  };
  for (const Case& c : cases) {
    for (const size_t chunk : {7u, 100'000u}) {
      const auto model = load(Split{.file_of = c.file_of}.files(), chunk);
      ASSERT_TRUE(model.ok()) << c.name << ": " << model.status().message();
      EXPECT_EQ(logits_of(*model), logits_of(*whole)) << c.name;
      EXPECT_EQ((*model)->info().weight_bytes, (*whole)->info().weight_bytes) << c.name;
    }
  }
}

TEST(SplitModel, SaysWhatIsWrong) {
  using Files = std::vector<File>;
  struct Case {
    const char* name;
    Split split;
    std::function<void(Files&)> change;
    StatusCode code;
    std::string_view message_part;
  };
  const auto none = [](Files&) {};
  const Case cases[] = {
      {"a file is missing at the end",
       {},
       [](Files& f) { f.pop_back(); },
       StatusCode::kInvalidArgument,
       "split into 3 files, of which 2 came"},
      {"the first alone",
       {},
       [](Files& f) { f.resize(1); },
       StatusCode::kInvalidArgument,
       "of which 1 came"},
      {"wrong order",
       {},
       [](Files& f) { std::swap(f[1], f[2]); },
       StatusCode::kInvalidFile,
       "file 3 of 3 of a split model, but file 2 of 3"},
      {"the second first",
       {},
       [](Files& f) { f.erase(f.begin()); },
       StatusCode::kInvalidFile,
       "this is file 2 of 3"},
      {"the same twice",
       {},
       [](Files& f) { f[1] = f[0]; },
       StatusCode::kInvalidFile,
       "this is file 1 of 3"},
      {"a file too many",
       {},
       [](Files& f) { f.push_back(f[2]); },
       StatusCode::kInvalidArgument,
       "too many"},
      {"a whole model and another",
       {},
       [](Files& f) { f[0] = TinyLlama().file(); },
       StatusCode::kInvalidArgument,
       "the model has 1"},
      {"another count in one file",
       {.change_keys = [](SplitKeys& keys) { keys.count += keys.number; }},
       none,
       StatusCode::kInvalidFile,
       "of 4 of a split model"},
      {"tensors too few",
       {.change_keys = [](SplitKeys& keys) { ++keys.n_tensors; }},
       none,
       StatusCode::kInvalidFile,
       "split.tensors.count"},
      {"a tensor twice",
       {.change_keys = [](SplitKeys& keys) { ++keys.n_tensors; }, .twice = "token_embd.weight"},
       none,
       StatusCode::kInvalidFile,
       "is in two files"},
      {"a tensor in no file",
       {.file_of = [](size_t i, size_t n) { return i == 3 ? size_t{9} : i * 3 / n; },
        .change_keys = [](SplitKeys& keys) { --keys.n_tensors; }},
       none,
       StatusCode::kInvalidFile,
       "is missing"},
      {"the second cut off",
       {},
       [](Files& f) { f[1].resize(f[1].size() - 40); },
       StatusCode::kTruncated,
       "bytes are missing"},
      {"the second is no GGUF file",
       {},
       [](Files& f) { f[1].assign(100, 'x'); },
       StatusCode::kInvalidFile,
       ""},
  };
  for (const Case& c : cases) {
    auto files = c.split.files();
    c.change(files);
    const auto model = load(files);
    ASSERT_FALSE(model.ok()) << c.name;
    EXPECT_EQ(model.status().code(), c.code) << c.name << ": " << model.status().message();
    EXPECT_NE(model.status().message().find(c.message_part), std::string::npos)
        << c.name << ": " << model.status().message();
  }
}

TEST(SplitModel, AFileThatEndsEarlyIsNotFollowedByTheNext) {
  const auto files = Split().files();
  auto loader = ModelLoader::create({}, 0);
  ASSERT_TRUE(loader.ok());
  ASSERT_TRUE(loader->feed({files[0].data(), files[0].size() - 40}).ok());
  EXPECT_EQ(loader->next_file(files[1].size()).code(), StatusCode::kTruncated);
  EXPECT_EQ(loader->feed(files[1]).code(), StatusCode::kTruncated);
}

}  // namespace
}  // namespace pipit
