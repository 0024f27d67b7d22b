#!/usr/bin/env bash
# Ten npm packages, cold: a run of the pipeline, and npm by itself, measured in turn.
#
#   orchestrator/benches/ten-npm-packages.sh PROGRAM [ROUNDS]
#
# PROGRAM is a built tsuku-batch. Both install two packages at once, from empty caches into empty
# folders; the pipeline verifies each as well, in its sandbox, and asks the registry once a second.
# A round ends with the bound that the pipeline must keep: the greater of 1.15 times npm's time, and
# the time of the last request that its quota permits plus its longest install and verify.
set -euo pipefail

program=$(realpath "${1:?usage: ten-npm-packages.sh PROGRAM [ROUNDS]}")
rounds=${2:-1}
jobs=2
packages=(prettier typescript rimraf http-server nodemon mkdirp semver json5 marked terser)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

now() { date +%s.%N; }

# Lays out a root whose only queue holds the ten packages.
lay_out() {
  "$program" --root "$1" init > /dev/null
  find "$1/data/queues" -name '*.json' -delete
  local entries=() name
  for name in "${packages[@]}"; do
    entries+=("{\"id\":\"npm:$name\",\"tier\":1,\"status\":\"pending\",\"added_at\":\"2026-01-01T00:00:00Z\"}")
  done
  local IFS=,
  printf '{"schema_version":2,"ecosystem":"npm","updated_at":"2026-01-01T00:00:00Z","tiers":{"1":"curated","2":"popular","3":"rest"},"packages":[%s]}\n' \
    "${entries[*]}" > "$1/data/queues/priority-queue-npm.json"
}

pipeline() {
  local root=$1
  lay_out "$root"
  local from
  from=$(now)
  "$program" --root "$root" run --ecosystem npm --batch-size 10 --jobs "$jobs" --json \
    > "$root/summary.json" 2> "$root/progress.txt"
  local to
  to=$(now)
  echo "$from $to" > "$root/time"
}

npm_alone() {
  local dir=$1
  mkdir -p "$dir"
  local from
  from=$(now)
  printf '%s\n' "${packages[@]}" | xargs -P "$jobs" -I{} \
    npm install -g --silent --no-audit --no-fund --no-update-notifier \
    --prefix "$dir/{}/prefix" --cache "$dir/{}/cache" {}
  local to
  to=$(now)
  echo "$from $to" > "$dir/time"
}

for round in $(seq "$rounds"); do
  pipeline "$work/root-$round"
  npm_alone "$work/npm-$round"
  node - "$work/root-$round" "$work/npm-$round" <<'JS'
const fs = require('fs');
const [root, npm] = process.argv.slice(2);
const seconds = (dir) => {
  const [from, to] = fs.readFileSync(`${dir}/time`, 'utf8').split(' ').map(Number);
  return to - from;
};
const summary = JSON.parse(fs.readFileSync(`${root}/summary.json`, 'utf8'));
const [batch] = summary.batches;
const runs = `${root}/data/metrics/batch-runs-${batch.batch_id}.jsonl`;
const { sent } = JSON.parse(fs.readFileSync(runs, 'utf8')).requests['registry.npmjs.org'];
const progress = fs.readFileSync(`${root}/progress.txt`, 'utf8');
const took = [...progress.matchAll(/ npm:\S+ in .*\((\d+\.\d+) s\)/g)].map((it) => Number(it[1]));
const [run, alone] = [seconds(root), seconds(npm)];
// The first request needs no permission to wait for, and each other one comes a second later.
const last = sent - 1, longest = Math.max(...took);
const bound = Math.max(1.15 * alone, last + longest);
const s = (n) => `${n.toFixed(1)} s`;
console.log(`run ${s(run)} (${batch.succeeded} of ${batch.total} verified, ${sent} requests)`
  + ` · npm alone ${s(alone)} · 1.15 x npm ${s(1.15 * alone)}`
  + ` · last request ${s(last)} + longest ${s(longest)} = ${s(last + longest)}`
  + ` · ${run <= bound ? 'ok' : 'TOO SLOW'}: ${s(run)} against ${s(bound)}`);
JS
done
