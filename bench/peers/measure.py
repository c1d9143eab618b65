"""What the peers share: one child process per measurement, so that its peak memory is its own."""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time

PROMPT = "Is this review positive or negative? The film is slow at first, but the last hour is worth the wait."


def arguments(measures, dtypes):
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", choices=dtypes, default=dtypes[0])
    parser.add_argument("--measure", default=",".join(measures), help=f"of {', '.join(measures)}")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--batch", default="1,8", help="batch sizes of decode")
    parser.add_argument("--prepare", action="store_true", help="only make the files that the peer reads")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()
    args.batch = [int(size) for size in args.batch.split(",")]
    for name in args.measure.split(","):
        if name not in measures:
            parser.error(f"no measure {name}: {', '.join(measures)}")
    return args


def ids(batch, length, vocab, seed=0):
    """Token ids that are the same in every peer: a small multiplicative generator, never special tokens."""
    state, rows = seed * 7919 + 12345, []
    for _ in range(batch):
        row = []
        for _ in range(length):
            state = (state * 48271) % 2147483647
            row.append(3 + state % (min(vocab, 30000) - 203))
        rows.append(row)
    return rows


def timed(run, repeats, warm=1):
    """Milliseconds of every repeat after the warm ones."""
    out = []
    for n in range(warm + repeats):
        start = time.perf_counter()
        run()
        if n >= warm:
            out.append((time.perf_counter() - start) * 1000)
    return out


def peak_rss_mib():
    """Of this process's own memory: ru_maxrss would start from the parent's at the fork."""
    try:
        with open("/proc/self/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmHWM:")) / 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)


def report(values, per=1, **extra):
    values = [v / per for v in values]
    print(json.dumps({"ms": round(statistics.median(values), 3), "min": round(min(values), 3),
                      "max": round(max(values), 3), "repeats": len(values), "peak_rss_mib": round(peak_rss_mib(), 1), **extra}),
          flush=True)


def parent(args, peer, version):
    """Runs every measure in a fresh process and prints its lines with what they belong to."""
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(args.threads)
    head = {"peer": peer, "version": version, "model": os.path.basename(os.path.normpath(args.folder)),
            "threads": args.threads, "dtype": args.dtype}
    for measure in args.measure.split(","):
        command = [sys.executable, sys.argv[0], args.folder, "--threads", str(args.threads), "--dtype", args.dtype,
                   "--repeats", str(args.repeats), "--child", measure]
        runs = min(args.repeats, 3) if measure == "first_token" else 1
        starts, peaks = [], []
        for _ in range(runs):
            start = time.perf_counter()
            child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            for line in child.stdout:
                if not line.startswith("{"):
                    continue
                if measure == "first_token":
                    starts.append((time.perf_counter() - start) * 1000)
                    peaks.append(json.loads(line)["peak_rss_mib"])
                else:
                    print(json.dumps({**head, "measure": measure, **json.loads(line)}), flush=True)
            if child.wait() != 0:
                raise SystemExit(f"{peer}: {measure} failed with {child.returncode}")
        if starts:
            print(json.dumps({**head, "measure": measure, "ms": round(statistics.median(starts), 1),
                              "min": round(min(starts), 1), "max": round(max(starts), 1), "repeats": len(starts),
                              "peak_rss_mib": max(peaks)}), flush=True)
