"""What triplets do to the embedding: HSSN's figure 4 in small, and one number for it.

    CAMVID_DIR=/data/CamVid python -m benchmarks.hssn_embedding

Trains a small UNet on CamVid with `FocalTreeMin`, without triplets and with them, and
looks at the layer `embedding` (not projected) on the validation images: 60 pixels of every class, drawn
at random. The number is the mean cosine distance, (1 - cos) / 2, of pixels of different classes of one
category over that of pixels of different categories: 1 where the embedding knows no families, 0 where
it knows nothing else. Beside it, the share of the loss's triplets whose positive is nearer than the
negative: 0.5 where the embedding knows nothing.
"""

import argparse
import pathlib
import tempfile

import keras
import numpy as np

from benchmarks.camvid_runs import camvid_run, check_camvid, examples_of
from hierseg_keras.training import load_run, train
from hierseg_keras.visualization import draw_embedding

PIXELS_A_CLASS = 60


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parents[1] / "docs" / "pictures")
    parser.add_argument("--data-dir", help="folder of prepared data sets")
    options = parser.parse_args()
    check_camvid()
    for triplet in (False, True):
        method = {"name": "HSSN"} if triplet else None
        config = camvid_run(options, loss={"name": "FocalTreeMin"}, method=method)
        with tempfile.TemporaryDirectory() as folder:
            train(config, folder, verbose=0)
            tree, embeddings, labels = embedded(folder)
        name = "with" if triplet else "without"
        within, across, ordered = distances_and_order(tree, embeddings, labels)
        ratio = f"within / across families {within:.2f} / {across:.2f} = {within / across:.2f}"
        print(f"{name:8s} triplets: {ratio}, triplets in order {ordered:.3f}")
        path = options.out / f"camvid_embedding_{name}_triplets.png"
        draw_embedding(tree, embeddings, labels, path, f"{name} triplets, {100 * ordered:.0f} % in order")


def embedded(folder):
    """The run's tree, and embeddings `(N, C)` and labels `(N,)` of as many pixels of every class."""
    config, model = load_run(folder)
    network = getattr(model, "inference_model", model)
    encoder = keras.Model(network.input, network.get_layer("embedding").output)
    embeddings, labels = [], []
    for image, label in examples_of(config, "validation", model.tree):
        maps = encoder.predict_on_batch(image)
        middles = [((np.arange(n) + 0.5) * m / n).astype(int) for n, m in zip(maps.shape[1:3], label.shape[1:3])]
        embeddings.append(maps.reshape(-1, maps.shape[-1]))
        labels.append(label.numpy()[:, middles[0]][:, :, middles[1]].reshape(-1))
    embeddings, labels = np.concatenate(embeddings), np.concatenate(labels)
    rng, chosen = np.random.default_rng(0), []
    for leaf in range(model.tree.num_leaves):
        pixels = np.flatnonzero(labels == leaf)
        chosen.append(rng.permutation(pixels)[:PIXELS_A_CLASS])
    chosen = np.concatenate(chosen)
    return model.tree, embeddings[chosen], labels[chosen]


def distances_and_order(tree, embeddings, labels):
    """Mean distances within families and across, and the share of ordered triplets."""
    normalized = embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)
    distances = (1 - normalized @ normalized.T) / 2
    psi = tree.distances()[labels][:, labels]
    is_across = psi == 2 * tree.num_levels
    is_ordered = [
        distances[a][psi[a] == near][:, None] < distances[a][psi[a] == far][None, :]
        for a in range(len(labels))
        for near, far in ((0, 2), (0, 4), (2, 4))
        if (psi[a] == near).any() and (psi[a] == far).any()
    ]
    ordered = np.mean([share.mean() for share in is_ordered])
    return distances[~is_across & (psi > 0)].mean(), distances[is_across].mean(), ordered


if __name__ == "__main__":
    main()
