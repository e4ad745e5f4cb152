// What the file keeps to itself, and several of its functions use.
#include "ledger.hpp"

#include <cstdio>
#include <map>
#include <vector>

static int calls = 0;  // of all functions

namespace {

const std::vector<std::string> kept = {"cash", "bank"};

std::map<std::string, int> balances;

}  // namespace

namespace ledger {

static bool silent = false, unused_too = true;
static int limits[2] = {10, 20};
static void (*observer)(int) = nullptr;

namespace {
int next_number() {
  static int number = 0;
  return ++number;
}
}  // namespace

void post(const std::string& account, int amount) {
  ++calls;
  for (const std::string& name : kept) {
    if (name == account && amount > limits[0]) {
      amount = limits[0];
    }
  }
  balances[account] += amount;
  if (observer != nullptr) {
    observer(next_number());
  }
}

int balance(const std::string& account) {
  ++calls;
  auto found = balances.find(account);
  return found == balances.end() ? limits[1] : found->second;
}

int posted() { return calls; }

#ifdef LEDGER_QUIET
void quiet(bool on) { silent = on && unused_too; }
#else
void quiet(bool on) {
  silent = on && !unused_too;
  observer = [](int number) { std::printf("%d\n", number); };
}
#endif

int audit() { return silent ? 0 : static_cast<int>(balances.size()); }

}  // namespace ledger
