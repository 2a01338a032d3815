#pragma once
// StateWriter: what a server keeps in its state directory, written behind its back, since a disk may be full, fail or
// hang: nobody waits for it, no build and no answer. A thread of its own, one write at a time, the newest text of each
// file; what could not be written is tried again until it is, and the log says when that begins and ends. The control
// loop's, which ends before this does; texts are made by the thread.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "shared/core/result.h"
#include "shared/core/time.h"
#include "shared/serve/loop/loop.h"
#include "shared/serve/process/builder.h"
#include "shared/serve/process/state.h"

namespace shared {

class StateWriter {
 public:
  using Text = std::function<std::string()>;
  using Written = std::function<void(const Result<void>&)>;

  struct Patience {
    Duration again = seconds(5);     // from a failure to the next try
    Duration rarely = seconds(300);  // at most, of work that is tried again
    Duration slow = seconds(5);      // what takes longer is said to hang
  };

  // `state` outlives this; null: nothing is kept, and everything counts as written.
  StateWriter(Loop& loop, const StateDirectory* state) : StateWriter(loop, state, Patience()) {}
  StateWriter(Loop& loop, const StateDirectory* state, Patience patience);
  StateWriter(const StateWriter&) = delete;
  StateWriter& operator=(const StateWriter&) = delete;

  // `written` hears what has become of the first try, of this text or of a newer one, or that it hangs.
  // REQUIRES: a plain file name.
  void write(const std::string& file, Text text, Written written = {});
  // Other work on the directory, in turn with the files; `done(work())` on the loop.
  template <class Work, class Done>
  void run(Work work, Done done) {
    begin();
    thread_.run_then(loop_, std::move(work), [this, done = std::move(done)](auto result) mutable {
      end();
      done(std::move(result));
    });
  }
  // Likewise of work that may fail: then it is tried again, each time after twice as long, until it succeeds or newer
  // such work has come. `done` hears of each try.
  void keep(std::function<Result<void>()> work, Written done);
  // The directory is another process's from now on: nothing is written any more.
  void handed_over();

  // Why something is not kept; empty: all is well.
  [[nodiscard]] std::string problem() const;

 private:
  struct Wanted {
    Text text;
    std::vector<Written> told;
  };
  using Outcome = std::vector<std::pair<std::string, Result<void>>>;
  struct Kept {
    std::function<Result<void>()> work;
    Written done;
  };

  void begin();
  void end();
  void write_wanted();
  void finish(const Outcome& outcome);
  void note(const std::string& file, const Result<void>& written);
  void try_to_keep(const std::shared_ptr<const Kept>& kept, Duration pause);

  Loop& loop_;
  const StateDirectory* state_;
  Patience patience_;
  std::map<std::string, Wanted> wanted_;        // by file
  std::map<std::string, Wanted> written_;       // what the thread has now
  std::map<std::string, std::string> failing_;  // why, by file
  std::size_t jobs_ = 0;                        // the thread has
  bool hangs_ = false;
  std::shared_ptr<const Kept> kept_;  // the newest
  Timer again_;
  Timer keep_again_;
  Timer slow_;
  Builder thread_{"state"};
};

}  // namespace shared
