#!/usr/bin/env bash
# Training under a real SLURM: a run that is stopped and requeued ends with the scores of one that nobody stopped.
#
#     PYTHON=.venv/bin/python tests/faults/slurm.sh [usr1 term ...]
#
# Prints a line a scenario; exits with 1 if any failed. Arguments choose scenarios by the names at the end of this file.
# Where no SLURM answers, one starts in a scratch folder, for which Debian's slurm-wlm and munge must be installed; /etc
# is left alone. TRAIN=<folder>/train.py replaces the repository's, to try this script itself.
#
# shellcheck disable=SC2317 # the scenarios are called by name
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
train=$(realpath -m "${TRAIN:-$here/../../train.py}")
root=$(dirname "$train")
deadline_s=300 # of anything waited for
lstm=1-lstm-recordings-seed1 # second job of a sweep
job_name=slurm-faults-$$

# --- the job --------------------------------------------------------------------------------------------------------

# The script of README.md in this folder. `exec` would not do: somebody must be left to requeue the job.
batch_script() {
    cat <<'EOF'
#!/bin/bash
#SBATCH --requeue --open-mode=append --signal=USR1@120
srun python train.py "$@"
code=$?
if [ $code -eq 143 ]; then scontrol requeue $SLURM_JOB_ID; fi
exit $code
EOF
}

budget=(logger=csv trainer.accelerator=cpu 'reference_models=[]' callbacks.early_stopping=null trainer.max_steps=400)

settings() { # of the run by this name
    printf '%s\n' data.root="$scratch/recordings" seed=1 "hydra.run.dir=$scratch/runs/$1" "${budget[@]}"
}

submit() { # the run by this name; prints the job's number
    mapfile -t overrides < <(settings "$1")
    sbatch --parsable --job-name="$job_name" --chdir="$root" --output="$scratch/$1.out" --ntasks=1 \
        "$scratch/job.sh" "${overrides[@]}"
}

# The script of "Job arrays" in experiments/README.md, word for word, for two seeds and with the budget from above.
# shellcheck disable=SC2016 # the backticks are those of Markdown
array_script() {
    sed -n '/^### .* Job arrays/,/^### .* Preemption/{/^```bash/,/^```/{/^```/!p}}' "$here/../../experiments/README.md" |
        sed "s|=PATH|=$scratch/recordings|; s|SWEEP|$scratch/runs/array|; s|=0-9|=0-1|; s|hydra.run.dir|${budget[*]} &|"
}

sweep_settings() { # sweep_settings <name> <launcher>: of section 2
    printf '%s\n' -m model=mean,lstm seed=1 data=neuropixels data.root="$scratch/recordings" "${budget[@]}" \
        trainer.max_steps=1500 hydra.sweep.dir="$scratch/runs/$1" hydra/launcher="$2" hydra.launcher.timeout_min=60 \
        hydra.launcher.name="$job_name"
}

# --- what is waited for, and what must hold -------------------------------------------------------------------------

fail() {
    echo "$*" >&2
    exit 1
}

await() { # await <what, in words> <command ...>: until the command succeeds
    local what=$1 end=$((SECONDS + deadline_s))
    shift
    until "$@"; do
        ((SECONDS < end)) || fail "$deadline_s s passed without $what"
        sleep 0.5
    done
}

job_field() { # job_field <job> <field>
    scontrol --oneliner show job "$1" | grep -oP "(?<= $2=)\S+"
}

completed() {
    local state
    state=$(job_field "$1" JobState) || true
    case $state in
        COMPLETED) ;;
        '' | PENDING | CONFIGURING | RUNNING | COMPLETING) return 1 ;; # '': the controller was busy
        *) fail "the job ended as $state, exit code $(job_field "$1" ExitCode)" ;;
    esac
}

requeued() {
    if completed "$1"; then fail "the job was not stopped, it ran to its end"; fi
    [[ $(job_field "$1" JobState) == PENDING && $(job_field "$1" Restarts) -gt 0 ]]
}

steps() { # the steps that the run reported, one a line
    grep -oP '\bstep \K[0-9]+(?= of )' "$scratch/runs/$1/train.log" 2>/dev/null || true
}

trains() { # two reports, and something to go on from
    local run=$scratch/runs/$1
    if completed "$(<"$scratch/$1.job")"; then fail "the job ended before it could be stopped"; fi
    [[ -e $run/metrics.csv || -e $run/checkpoints/last.ckpt ]] && (($(steps "$1" | wc -l) >= 2))
}

same_scores() { # same_scores <run> <the run that nobody stopped>: to the last digit
    local run=$scratch/runs/$1 whole=$scratch/runs/$2
    "$PYTHON" - "$run/test_metrics.json" "$whole/test_metrics.json" <<'EOF' || fail "$1: other test scores"
import json
import sys

stopped, whole = (json.load(open(path))["mean"] for path in sys.argv[1:])
sys.exit(stopped != whole or not whole)
EOF
    cmp "$run/metrics.csv" "$whole/metrics.csv" || fail "$1: another metrics.csv"
}

went_on() { # went_on <run> <steps before>: a run that begins anew has the same scores, too
    local after
    after=$(steps "$1" | sed "1,$(wc -l <<<"$2")d" | head -1)
    ((${after:-0} > $(tail -1 <<<"$2"))) || fail "did not go on: from step $(tail -1 <<<"$2") to '$after'"
}

contents() { # of a run's folder, with times
    find "$scratch/runs/$1" -printf '%P %s %T@\n' | sort
}

# --- scenarios ------------------------------------------------------------------------------------------------------

whole() { # every other run is compared with this one
    mapfile -t overrides < <(settings whole)
    timeout --foreground "$deadline_s" python train.py "${overrides[@]}"
}

continues() { # continues <run> <whole run> <job> <command ...>: the command gets the job's number, while the job trains
    local name=$1 whole=$2 job=$3 run=$scratch/runs/$1 before
    shift 3
    echo "$job" >"$scratch/$name.job"
    await "training" trains "$name"
    "$@" "$job"
    await "a requeue" requeued "$job"
    # It may be older than the signal: one that comes during a validation leaves the state of the epoch's start.
    [[ -e $run/checkpoints/last.ckpt ]] || fail "no last.ckpt"
    [[ ! -e $run/test_metrics.json ]] || fail "test_metrics.json is there before the end"
    before=$(steps "$name")
    await "an end" completed "$job"
    went_on "$name" "$before"
    same_scores "$name" "$whole"
}

stopped_by() { # stopped_by <name of the run> <command ...>
    local job
    job=$(submit "$1")
    continues "$1" whole "$job" "${@:2}"
}

usr1() { stopped_by usr1 scancel --signal=USR1; } # what --signal=USR1@120 does
term() { stopped_by term scancel --signal=TERM; }
requeue() { stopped_by requeue scontrol requeue; } # SLURM sends TERM to everything, and KILL 20 s later

after_end() {
    local job before seen
    [[ -e $scratch/runs/usr1/test_metrics.json ]] || fail "needs the finished run of the first scenario"
    job=$(<"$scratch/usr1.job")
    before=$(contents usr1)
    seen=$(wc -l <"$scratch/usr1.out")
    scontrol requeue "$job"
    await "an end" completed "$job"
    tail -n "+$((seen + 1))" "$scratch/usr1.out" >"$scratch/after_end.out"
    grep -qi finished "$scratch/after_end.out" || fail "does not say that the run is finished"
    diff <(echo "$before") <(contents usr1) || fail "the finished run's folder changed"
}

# One process in an allocation for two, as one tries things out; the job's name is not one that Lightning lets pass.
allocation() { # allocation <name of the run> <options of salloc, and the start of the command ...>
    local name=$1
    shift
    mapfile -t overrides < <(settings "$name")
    timeout --foreground "$deadline_s" salloc --quiet --job-name="$job_name" --ntasks=2 \
        "$@" python train.py "${overrides[@]}" >"$scratch/$name.out" 2>&1 || fail "exit code $?"
    same_scores "$name" whole
}

two_by_srun() { allocation two_by_srun --ntasks-per-node=2 srun --ntasks=1; }
two_without_srun() { allocation two_without_srun env; }

array() {
    local array
    array_script >"$scratch/array.sh"
    array=$(sbatch --parsable --job-name="$job_name" --chdir="$root" --output="$scratch/array/seed%a.out" "$scratch/array.sh")
    # The number of the last task is that of the array: to requeue by it would requeue the other task, too.
    continues array/seed1 whole "${array}_1" scancel --signal=USR1
    await "an end" completed "${array}_0"
    [[ $(job_field "${array}_0" Restarts) == 0 ]] || fail "the task that nobody stopped was requeued, too"
    [[ -e $scratch/runs/array/seed0/test_metrics.json ]] || fail "no test_metrics.json"
    python -m synapsnet.report "$scratch/runs/array"
}

start_sweep() { # start_sweep <name> <launcher>: until the second job trains; $command waits for the jobs, $job is the second
    mapfile -t overrides < <(sweep_settings "$@")
    python train.py "${overrides[@]}" &
    command=$!
    await "a job" second_job
    echo "$job" >"$scratch/$1/$lstm.job"
    await "training" trains "$1/$lstm"
}

second_job() {
    job=$(squeue --noheader --array --name="$job_name" --format=%i | grep '_1$')
}

no_job() { [[ -z $(squeue --noheader --name="$job_name") ]]; }
command_ended() { ! kill -0 "$command" 2>/dev/null; }

both_rows() {
    [[ $(cut -d, -f2 "$scratch/runs/$1/sweep_table.csv" | xargs) == "model mean lstm" ]] || fail "rows are missing"
}

submitit() {
    mapfile -t overrides < <(sweep_settings submitit submitit_slurm)
    timeout --foreground "$deadline_s" python train.py "${overrides[@]}"
    both_rows submitit
}

needs_submitit() { # whose scores are compared
    [[ -e $scratch/runs/submitit/$lstm/test_metrics.json ]] || fail "needs the scenario submitit"
}

submitit_killed() {
    local mean=submitit_killed/0-mean-recordings-seed1 job command before steps_before
    needs_submitit
    start_sweep submitit_killed submitit_slurm
    await "the first job" test -e "$scratch/runs/$mean/test_metrics.json"
    kill -KILL "$command"
    scancel --name="$job_name" # which go on without the command
    await "an empty queue" no_job
    [[ ! -e $scratch/runs/submitit_killed/$lstm/test_metrics.json ]] || fail "the job was not stopped, it ran to its end"
    before=$(contents "$mean")
    steps_before=$(steps "submitit_killed/$lstm")
    timeout --foreground "$deadline_s" python train.py "${overrides[@]}"
    both_rows submitit_killed
    diff <(echo "$before") <(contents "$mean") || fail "the finished run's folder changed"
    went_on "submitit_killed/$lstm" "$steps_before"
    same_scores "submitit_killed/$lstm" "submitit/$lstm"
}

submitit_usr2() { # what submitit's --signal=USR2@120 does
    local job command
    needs_submitit
    start_sweep submitit_usr2 submitit_requeue
    continues "submitit_usr2/$lstm" "submitit/$lstm" "$job" scancel --signal=USR2
    await "an end of the command" command_ended
    wait "$command"
    both_rows submitit_usr2
}

no_hpc_checkpoint() { # Lightning's own, which it would prefer to last.ckpt
    local found
    found=$({ find "$scratch/runs" -name 'hpc_ckpt*'; find "$root" -maxdepth 1 -name 'hpc_ckpt*'; })
    [[ -z $found ]] || fail "$found"
}

chosen=" $* "
failed=0
scenario() { # scenario <function> <in words>
    local start=$SECONDS
    [[ $1 == whole || -z ${chosen// /} || $chosen == *" $1 "* ]] || return 0
    # In the background, for `if` would turn off `set -e` in it; a process group of its own can be ended as a whole.
    set -m
    "$1" >"$scratch/$1.said" 2>&1 </dev/null &
    current=$!
    set +m
    if wait "$current"; then
        echo "ok      $2 ($((SECONDS - start)) s)"
    else
        failed=1
        echo "FAILED  $2 ($((SECONDS - start)) s)"
        { tail -qn 15 "$scratch/$1.said" "$scratch/$1"{,/*}.out 2>/dev/null || true; } | sed 's/^/        /'
        kill -- "-$current" 2>/dev/null || true # what it started, and its jobs
        scancel --quiet --name="$job_name" || true
    fi
    current=
}

# --- SLURM ----------------------------------------------------------------------------------------------------------

services=()

start_slurm() { # a controller and a node in the scratch folder, on free ports
    local program ports host
    for program in sbatch srun salloc slurmctld slurmd munged; do
        if ! command -v "$program" >/dev/null; then
            echo "$0: needs SLURM: apt-get install slurm-wlm munge" >&2
            exit 1
        fi
    done
    host=$(hostname -s)
    read -ra ports < <("$PYTHON" -c '
import socket
with socket.socket() as a, socket.socket() as b:
    a.bind(("", 0)), b.bind(("", 0))
    print(a.getsockname()[1], b.getsockname()[1])')
    mkdir -p "$scratch"/slurm/{state,spool}
    (umask 077 && head -c 1024 /dev/urandom >"$scratch/slurm/munge.key")
    # cred_expire: how long a requeued job waits; 120 s otherwise. config_overrides: four CPUs, whatever there is.
    cat >"$scratch/slurm/slurm.conf" <<EOF
ClusterName=faults
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=${ports[0]}
SlurmdPort=${ports[1]}
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
AuthInfo=socket=$scratch/slurm/munge.socket,cred_expire=5
StateSaveLocation=$scratch/slurm/state
SlurmdSpoolDir=$scratch/slurm/spool
SlurmctldPidFile=$scratch/slurm/slurmctld.pid
SlurmdPidFile=$scratch/slurm/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=2,bf_interval=2
SlurmdParameters=config_overrides
MpiDefault=none
MailProg=/bin/true
PropagateResourceLimits=NONE
JobRequeue=1
ReturnToService=2
KillWait=20
NodeName=$host NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
EOF
    export SLURM_CONF=$scratch/slurm/slurm.conf
    # setsid: Ctrl-C is for this script, which needs them to end its jobs. --force: the folder is closed to others.
    setsid munged --foreground --force --key-file="$scratch/slurm/munge.key" --socket="$scratch/slurm/munge.socket" \
        --pid-file="$scratch/slurm/munged.pid" --seed-file="$scratch/slurm/munged.seed" \
        --log-file="$scratch/slurm/munged.log" &>"$scratch/slurm/munged.out" &
    services+=($!)
    await_service munged test -S "$scratch/slurm/munge.socket"
    setsid slurmctld -D &>"$scratch/slurm/slurmctld.out" &
    services+=($!)
    await_service slurmctld answers
    setsid slurmd -D -N "$host" &>"$scratch/slurm/slurmd.out" &
    services+=($!)
    await_service slurmd idle
}

answers() { timeout 10 sinfo &>/dev/null; }
idle() { [[ $(sinfo --noheader --format=%t) == idle ]]; }

await_service() { # await_service <name> <command ...>: until the service that was just started does what it should
    local name=$1 tries
    shift
    for ((tries = 0; tries < 60; tries++)); do
        if "$@"; then return; fi
        if ! kill -0 "${services[-1]}" 2>/dev/null; then break; fi
        sleep 0.5
    done
    echo "$0: $name did not start:" >&2
    tail -n 20 "$scratch/slurm/$name.out" >&2
    exit 1
}

clean_up() {
    local service tries
    if [[ -n ${current:-} ]]; then kill -- "-$current" 2>/dev/null || true; fi
    if [[ -n ${asked:-} ]]; then
        scancel --quiet --name="$job_name" || true
        for ((tries = 0; tries < 60; tries++)); do # a job outlives the services
            [[ -n $(squeue --noheader --name="$job_name" 2>/dev/null) ]] || break
            sleep 0.5
        done
    fi
    for ((service = ${#services[@]} - 1; service >= 0; service--)); do
        kill "${services[service]}" 2>/dev/null || true
        wait "${services[service]}" 2>/dev/null || true
    done
    rm -rf "$scratch"
}

# --- all of it ------------------------------------------------------------------------------------------------------

PYTHON=$(command -v "${PYTHON:-python}") || fail "$0: PYTHON names no interpreter"
PYTHON=$(realpath -s "$PYTHON")
[[ -f $train ]] || fail "$0: no $train"
for name in "$@"; do declare -F "$name" >/dev/null || fail "$0: no scenario $name"; done
scratch=$(mktemp -d)
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir "$scratch"/{bin,runs,array,submitit_killed,submitit_usr2}
batch_script >"$scratch/job.sh"
printf '#!/bin/sh\nexec "%s" "$@"\n' "$PYTHON" >"$scratch/bin/python"
chmod +x "$scratch/bin/python"
export PYTHON PATH=$scratch/bin:$PATH:/usr/sbin OMP_NUM_THREADS=1
cd "$root"
PYTHONPATH=$here/..:${PYTHONPATH:-} python -c "
from pathlib import Path
from command import write_recording
write_recording(Path('$scratch/recordings/s0.npz'), n_bins=4000, n_units=20)"

answers || start_slurm
asked=yes
scenario whole "a run that nobody stops"
if ((failed)); then exit 1; fi
scenario usr1 "USR1 to the step; the job requeues itself"
scenario term "TERM to the step; the job requeues itself"
scenario requeue "requeued from outside while it trains"
scenario after_end "requeued after its end"
scenario two_by_srun "srun of one task in an allocation of two"
scenario two_without_srun "without srun in an allocation of two"
scenario array "an array, of which a task is stopped by USR1"
scenario submitit "a sweep by submitit"
scenario submitit_killed "the command of such a sweep killed, its jobs cancelled, and given again"
scenario submitit_usr2 "USR2 to a job of such a sweep; it requeues itself"
scenario no_hpc_checkpoint "no hpc_ckpt anywhere"
exit "$failed"
