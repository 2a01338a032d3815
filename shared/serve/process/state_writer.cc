#include "shared/serve/process/state_writer.h"

#include <algorithm>
#include <utility>

#include "shared/serve/os/log.h"

namespace shared {
namespace {

const std::string kHangs = "the state directory hangs";

}  // namespace

StateWriter::StateWriter(Loop& loop, const StateDirectory* state, Patience patience)
    : loop_(loop), state_(state), patience_(patience), again_(loop), keep_again_(loop), slow_(loop) {}

void StateWriter::begin() {
  if (jobs_++ > 0) return;
  slow_.expires_after(patience_.slow);
  slow_.async_wait([this](error_code error) {
    if (error || state_ == nullptr) return;
    hangs_ = true;
    log_event(Level::warn, "state_hangs", {{"directory", state_->path()}});
    for (auto* files : {&written_, &wanted_}) {
      for (auto& [file, waiting] : *files) {
        for (const Written& tell : std::exchange(waiting.told, {})) tell(fail(kHangs));
      }
    }
  });
}

void StateWriter::end() {
  if (--jobs_ > 0) return;
  slow_.cancel();
  if (std::exchange(hangs_, false)) log_event(Level::info, "state_hangs_no_more");
}

void StateWriter::write(const std::string& file, Text text, Written written) {
  if (state_ == nullptr) return written ? written({}) : void();
  Wanted& wanted = wanted_[file];
  wanted.text = std::move(text);
  if (written) wanted.told.push_back(std::move(written));
  write_wanted();
}

void StateWriter::write_wanted() {
  if (wanted_.empty() || !written_.empty() || state_ == nullptr) return;
  again_.cancel();
  written_ = std::exchange(wanted_, {});
  std::vector<std::pair<std::string, Text>> texts;
  for (const auto& [file, wanted] : written_) texts.emplace_back(file, wanted.text);
  run(
      [state = state_, texts = std::move(texts)] {
        Outcome outcome;
        for (const auto& [file, text] : texts) outcome.emplace_back(file, state->write(file, text()));
        return outcome;
      },
      [this](const Outcome& outcome) { finish(outcome); });
}

// A file that was not written waits for the next try, unless there is a newer text for it already.
void StateWriter::finish(const Outcome& outcome) {
  auto written = std::exchange(written_, {});
  std::vector<std::pair<Written, Result<void>>> told;
  for (const auto& [file, result] : outcome) {
    note(file, result);
    Wanted& wanted = written[file];
    for (Written& tell : wanted.told) told.emplace_back(std::move(tell), result);
    if (!result) wanted_.try_emplace(file, Wanted{std::move(wanted.text), {}});
  }
  if (failing_.empty()) {
    write_wanted();
  } else {
    again_.expires_after(patience_.again);
    again_.async_wait([this](error_code error) {
      if (!error) write_wanted();
    });
  }
  for (const auto& [tell, result] : told) tell(result);
}

void StateWriter::note(const std::string& file, const Result<void>& written) {
  if (written) {
    if (failing_.erase(file) > 0) log_event(Level::info, "state_written", {{"file", file}});
    return;
  }
  const bool news = failing_.insert_or_assign(file, written.error().message).second;
  if (news) log_event(Level::warn, "state_unwritten", {{"file", file}, {"reason", written.error().message}});
}

void StateWriter::keep(std::function<Result<void>()> work, Written done) {
  if (state_ == nullptr) return;
  keep_again_.cancel();
  kept_ = std::make_shared<const Kept>(Kept{std::move(work), std::move(done)});
  try_to_keep(kept_, patience_.again);
}

void StateWriter::try_to_keep(const std::shared_ptr<const Kept>& kept, Duration pause) {
  run(kept->work, [this, kept, pause](const Result<void>& result) {
    kept->done(result);
    if (result || kept != kept_) return;
    keep_again_.expires_after(pause);
    keep_again_.async_wait([this, kept, pause](error_code error) {
      if (!error && kept == kept_) try_to_keep(kept, std::min(2 * pause, patience_.rarely));
    });
  });
}

void StateWriter::handed_over() {
  state_ = nullptr;
  kept_ = nullptr;
  keep_again_.cancel();
  wanted_.clear();
  failing_.clear();
  again_.cancel();
}

std::string StateWriter::problem() const {
  if (hangs_) return kHangs;
  return failing_.empty() ? std::string() : failing_.begin()->second;
}

}  // namespace shared
