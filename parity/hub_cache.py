"""What Python's huggingface_hub makes of a cache; called by hub_cache.js with HF_HOME and HF_ENDPOINT set.

fill REPO FILES...    download these files
reuse REPO FILES...   find them without a single request, by name and as a whole snapshot
One JSON object a line: {"file", "path"} and {"snapshot"}.
"""

import json
import sys

from huggingface_hub import hf_hub_download, scan_cache_dir, snapshot_download, try_to_load_from_cache
from huggingface_hub.file_download import _CACHED_NO_EXIST

mode, repo, *files = sys.argv[1:]
local = mode == "reuse"
if not local:
    snapshot_download(repo, allow_patterns=files)
for file in files:
    print(json.dumps({"file": file, "path": hf_hub_download(repo, file, local_files_only=local)}))
if local:
    print(json.dumps({"snapshot": snapshot_download(repo, local_files_only=True)}))
    absent = try_to_load_from_cache(repo, "special_tokens_map.json")
    print(json.dumps({"absent": absent is _CACHED_NO_EXIST}))
    (found,) = scan_cache_dir().repos
    (revision,) = found.revisions
    print(json.dumps({"bytes": found.size_on_disk, "refs": sorted(revision.refs), "files": revision.nb_files}))
