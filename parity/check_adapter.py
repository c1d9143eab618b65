"""Logits of an adapter's folder as PEFT computes them: check_adapter.py BASE ADAPTER TEXT [CLASSES]. See README.md."""
import sys

from peft import PeftModel
from transformers import (AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoModelForSequenceClassification,
                          AutoTokenizer)

base, adapter, text, *classes = sys.argv[1:]
if classes:
    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=int(classes[0]))
else:
    try:
        model = AutoModelForCausalLM.from_pretrained(base)
    except ValueError:
        model = AutoModelForSeq2SeqLM.from_pretrained(base)
model = PeftModel.from_pretrained(model, adapter).eval()
print([round(x, 5) for x in model(**AutoTokenizer.from_pretrained(base)([text], return_tensors="pt")).logits[0].tolist()])
