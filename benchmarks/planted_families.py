"""Which rule for the sizes of a learned tree finds families that are known to be there?

    python -m benchmarks.planted_families [--seeds 20]

Confusion matrices are drawn from planted hierarchies, their classes in random order, and a row counts
in how many of the seeds a rule's families are exactly the planted ones. All rules but the last cut the
average linkage that `ClassTree.from_confusion` uses, at one number of clusters:

- powers: at `L^(2/3)` and `L^(1/3)` clusters, whatever the counts are;
- gap: where the rate at which clusters are confused falls by the largest difference;
- ratio: where it falls by the largest factor;
- silhouette: where the mean silhouette of the classes is largest;
- cophenetic: where "in one cluster or not" correlates best with the rates;
- default: `ClassTree.from_confusion` without `sizes`.

Where there is no structure, a row counts the seeds with no family, and the last column tells how many
families the default found on average over all seeds.
"""

import argparse

import numpy as np
from sklearn.metrics import silhouette_score

from hierseg_keras.tree import ClassTree
from hierseg_keras.tree.agglomerate import AverageLinkage, confusion_rates
from tests.planted_families import classifier_counts, families, prototype_counts, unstructured_counts

TWO_LEVELS = [np.arange(27) // 3, np.arange(27) // 9]
UNEVEN = families(9, 6, 4, 2, 1, 1, 1)
PAIRS = families(*[2] * 3, *[1] * 12)


def hierarchies():
    """Name, planted levels, and function from a generator to counts, for every row."""
    for noise in (0.2, 0.5, 0.8):
        yield from (
            (f"six of four, noise {noise}", *rates([families(*[4] * 6)], (0.05, 0.005), noise)),
            (f"9, 6, 4, 2, 1, 1, 1, noise {noise}", *rates([UNEVEN], (0.04, 0.005), noise)),
            (f"three pairs of 18, noise {noise}", *rates([PAIRS], (0.1, 0.005), noise)),
            (f"two of three, noise {noise}", *rates([families(3, 3)], (0.08, 0.008), noise)),
            (f"three of three of three, noise {noise}", *rates(TWO_LEVELS, (0.1, 0.02, 0.002), noise)),
        )
    for ratio in (2, 3, 4):
        yield f"six of four, {ratio} times as often", *rates([families(*[4] * 6)], (0.01 * ratio, 0.01), 0.3)
    for spread in (3, 2):
        for noise in (1.0, 1.5, 2.0):
            yield f"prototypes, spread {spread}, noise {noise}", *prototypes(families(*[4] * 6), spread, noise)
    for num_classes in (8, 24):
        for uneven in (0, 0.8):
            yield f"none, {num_classes} classes, uneven {uneven}", [], unstructured(num_classes, uneven)


def rates(levels, values, noise):
    return levels, lambda rng: classifier_counts(levels, values, rng, noise)


def prototypes(assignment, spread, noise):
    return [assignment], lambda rng: prototype_counts(assignment, rng, spread, noise)


def unstructured(num_classes, uneven):
    return lambda rng: unstructured_counts(num_classes, rng, uneven=uneven)


# === Rules: sizes from a linkage and its rates ===


def powers(linkage, rates):
    return [size for size in {round(len(rates) ** (2 / 3)), round(len(rates) ** (1 / 3))} if 1 < size < len(rates)]


def gap(linkage, rates):
    return [len(rates) - 1 - int(np.argmax(-np.diff(linkage.heights)))]


def ratio(linkage, rates):
    floor = 0.05 * rates.sum() / (rates > 0).sum()
    return [len(rates) - 1 - int(np.argmax(-np.diff(np.log(linkage.heights + floor))))]


def silhouette(linkage, rates):
    distances = rates.max() - rates
    np.fill_diagonal(distances, 0)
    return [best_size(linkage, lambda clusters: silhouette_score(distances, clusters, metric="precomputed"))]


def cophenetic(linkage, rates):
    pairs = np.triu_indices(len(rates), 1)
    return [
        best_size(
            linkage, lambda clusters: np.corrcoef((clusters[:, None] == clusters[None, :])[pairs], rates[pairs])[0, 1]
        )
    ]


def best_size(linkage, score):
    return max(range(2, linkage.num_classes), key=lambda size: score(linkage.clusters(size)))


RULES = (powers, gap, ratio, silhouette, cophenetic)


def found_families(assignments):
    """The clusters of more than one class and fewer than all, as sets of classes."""
    sets = {
        frozenset(np.flatnonzero(assignment == cluster).tolist())
        for assignment in assignments
        for cluster in assignment
    }
    return {members for members in sets if 1 < len(members) < len(assignments[0])}


def families_of(tree):
    return {frozenset(tree.leaves(node).tolist()) for node in range(tree.num_leaves, tree.num_nodes)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    seeds = parser.parse_args().seeds
    print(f"{'':36s}" + "".join(f"{rule.__name__:>12s}" for rule in RULES) + f"{'default':>12s}{'families':>12s}")
    for name, levels, draw in hierarchies():
        right, number = np.zeros(len(RULES) + 1, int), 0
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            counts = draw(rng)
            order = rng.permutation(len(counts))
            counts = counts[np.ix_(order, order)]
            planted = found_families([level[order] for level in levels]) if levels else set()
            class_rates = confusion_rates(counts)
            linkage = AverageLinkage(class_rates)
            found = [found_families([linkage.clusters(size) for size in rule(linkage, class_rates)]) for rule in RULES]
            found.append(families_of(ClassTree.from_confusion(counts, [f"c{i}" for i in range(len(counts))])))
            right += [candidate == planted for candidate in found]
            number += len(found[-1])
        print(f"{name:36s}" + "".join(f"{count:12d}" for count in right) + f"{number / seeds:12.1f}", flush=True)


if __name__ == "__main__":
    main()
