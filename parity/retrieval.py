"""Fixtures of retrieval: metrics as pytrec_eval counts them, losses and their gradients as PyTorch computes them.

    python parity/retrieval.py        (needs pytrec_eval-terrier beside torch)

Writes test/fixtures/retrieval/metrics.json and losses.json.
"""

import json
import random
from pathlib import Path

import pytrec_eval
import torch

out = Path(__file__).parent.parent / "test" / "fixtures" / "retrieval"


def write(name, value):
    out.mkdir(parents=True, exist_ok=True)
    (out / name).write_text(json.dumps(value, separators=(",", ":")) + "\n")


def metrics():
    """Random graded judgements and runs with many equal scores, documents nobody judged, and questions without hits."""
    draw = random.Random(3)
    documents = [f"d{i}" for i in range(30)] + ["D1", "é2", "a-b", "10", "9"]
    qrels, run = {}, {}
    for q in range(24):
        name = f"q{q}"
        judged = draw.sample(documents, draw.randint(1, 12))
        qrels[name] = {d: draw.choice([0, 0, 1, 1, 2, 3]) for d in judged}
        if not any(qrels[name].values()):
            qrels[name][judged[0]] = 1
        if q % 8 == 5:
            continue
        found = draw.sample(documents, draw.randint(1, 25))
        run[name] = {d: draw.choice([0.5, 1.0, 1.5, 2.0, -1.0, 0.25 * draw.randint(0, 40)]) for d in found}
    names = {"ndcg@5": "ndcg_cut_5", "ndcg@10": "ndcg_cut_10", "ndcg": "ndcg", "map": "map", "map@10": "map_cut_10"}
    names |= {"recall@5": "recall_5", "recall@20": "recall_20", "precision@5": "P_5", "hit@1": "success_1"}
    names |= {"hit@5": "success_5", "mrr": "recip_rank"}
    measures = {"ndcg_cut.5,10", "ndcg", "map", "map_cut.10", "recall.5,20", "P.5", "success.1,5", "recip_rank"}
    values = pytrec_eval.RelevanceEvaluator(qrels, measures).evaluate(run)
    expected = {ours: {q: row[theirs] for q, row in values.items()} for ours, theirs in names.items()}
    write("metrics.json", {"qrels": qrels, "run": run, "expected": expected})


def numbers(tensor):
    return [float(f"{x:.9g}") for x in tensor.flatten().tolist()]


def listwise(z, d, lam, reduction, tau_g=1.0, tau_d=1.0):
    """AR2's retriever loss over candidates whose first is the positive, with 1e-7 inside every logarithm."""
    eps = 1e-7
    p = torch.softmax(z / tau_g, -1)
    s = torch.softmax(d / tau_d, -1)
    r = torch.log(torch.sigmoid(d[:, :1] - d) + eps).detach()
    adv = (r * torch.log(p + eps)).sum()
    if reduction == "mean":
        adv = adv / z.shape[0]
    dist = -(s * torch.log(p + eps)).sum() / z.shape[0]
    return adv, dist, lam * adv + (1 - lam) * dist


def losses():
    torch.manual_seed(5)
    cases = []
    for scale, normalize, negatives in [(1.0, False, 0), (1.0, False, 1), (20.0, True, 2)]:
        batch, width = 4, 6
        q = torch.randn(batch, width, requires_grad=True)
        d = torch.randn(batch * (1 + negatives), width, requires_grad=True)
        gold = [i * (1 + negatives) for i in range(batch)]
        masked = torch.zeros(batch, len(d), dtype=torch.bool)
        masked[0, gold[2]] = True
        masked[3, gold[0]] = True
        a, b = (torch.nn.functional.normalize(x, dim=-1) if normalize else x for x in (q, d))
        scores = (scale * a @ b.T).masked_fill(masked, -1e4)
        loss = torch.nn.functional.cross_entropy(scores, torch.tensor(gold))
        loss.backward()
        cases.append(
            {
                "scale": scale,
                "normalize": normalize,
                "width": width,
                "q": numbers(q),
                "d": numbers(d),
                "gold": gold,
                "masked": masked.int().tolist(),
                "loss": loss.item(),
                "dq": numbers(q.grad),
                "dd": numbers(d.grad),
            }
        )
    lists = []
    for lam, reduction, tau in [(0.0, "sum", 1.0), (0.5, "sum", 1.0), (0.5, "mean", 2.0), (1.0, "sum", 1.0)]:
        batch, m, width = 3, 5, 6
        q = torch.randn(batch, width, requires_grad=True)
        d = torch.randn(batch * m, width, requires_grad=True)
        ranker = torch.randn(batch, m) * 2
        z = torch.bmm(q[:, None], d.view(batch, m, width).transpose(1, 2))[:, 0]
        adv, dist, loss = listwise(z, ranker, lam, reduction, tau)
        loss.backward()
        lists.append(
            {
                "lambda": lam,
                "reduction": reduction,
                "tau": tau,
                "width": width,
                "q": numbers(q),
                "d": numbers(d),
                "ranker": ranker.tolist(),
                "adv": adv.item(),
                "dist": dist.item(),
                "loss": loss.item(),
                "dq": numbers(q.grad),
                "dd": numbers(d.grad),
            }
        )
    scores = torch.randn(3, 4, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(scores, torch.zeros(3, dtype=torch.long))
    loss.backward()
    ranker = {"scores": numbers(scores), "loss": loss.item(), "gradient": numbers(scores.grad)}
    write("losses.json", {"inBatch": cases, "listwise": lists, "ranker": ranker})


metrics()
losses()
