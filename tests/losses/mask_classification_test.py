"""MaskFormer's matching and losses beside float64 NumPy at the size of the image."""

import itertools

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from hierseg_keras.losses.mask_classification import mask_classification
from hierseg_keras.losses.mask_matching import matched
from hierseg_keras.tree import ClassTree
from tests.gradients import evaluated, value_and_gradient

# Leaves: person, rider, car, sky; then human and vehicle.
TREE = ClassTree(["human/person", "human/rider", "vehicle/car", "sky"])
LEAVES_BELOW = {4: [0, 1], 5: [2]}
WEIGHTS = {"no_object_weight": 0.3, "focal_weight": 7.0, "dice_weight": 2.0}
VOID = 255


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def reference(labels, layers, no_object_weight, focal_weight, dice_weight):
    """One dict per layer, and the matching of each image by brute force. Masks are enlarged to the image first."""
    results, matchings = [], []
    for classes, masks in layers:
        terms, pairs, log_p_sum, weight_sum = {"focal": 0.0, "dice": 0.0}, 0, 0.0, 0.0
        for image_labels, logits, mask_logits in zip(labels, classes, masks):
            log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
            present = [c for c in range(TREE.num_leaves) if (image_labels == c).any()]
            losses = {(q, c): pair(image_labels, mask_logits[..., q], c) for q in range(len(logits)) for c in present}
            cost = np.array(
                [
                    [
                        -np.exp(log_p[q, c]) + focal_weight * losses[q, c][0] + dice_weight * losses[q, c][1]
                        for c in present
                    ]
                    for q in range(len(logits))
                ]
            ).reshape(len(logits), len(present))
            queries, of = linear_sum_assignment(cost)
            class_of = {query: present[i] for query, i in zip(queries, of)}
            matchings.append(class_of)
            for q, c in class_of.items():
                terms["focal"] += losses[q, c][0]
                terms["dice"] += losses[q, c][1]
                pairs += 1
            labeled = image_labels[image_labels != VOID]
            is_complete = labeled.size > 0 and (labeled < TREE.num_leaves).all()
            for q in range(len(logits)):
                weight = 1.0 if q in class_of else no_object_weight * is_complete
                log_p_sum -= weight * log_p[q, class_of.get(q, TREE.num_leaves)]
                weight_sum += weight
        found = {name: value / max(pairs, 1) for name, value in terms.items()}
        results.append({**found, "classification": log_p_sum / weight_sum if weight_sum else 0.0})
    return results, matchings


def pair(labels, mask_logits, leaf):
    """Focal and dice loss of a predicted mask and a leaf, over the pixels that may be known."""
    rows, columns = (
        np.floor((np.arange(n) + 0.5) * cells / n).astype(int) for n, cells in zip(labels.shape, mask_logits.shape)
    )
    m = sigmoid(mask_logits[rows][:, columns])
    unknown = [VOID, *(node for node, leaves in LEAVES_BELOW.items() if leaf in leaves)]
    known = ~np.isin(labels, unknown)
    t, m = (labels == leaf)[known].astype(float), m[known]
    focal = np.where(t == 1, -0.25 * (1 - m) ** 2 * np.log(m), -0.75 * m**2 * np.log(1 - m)).mean()
    return focal, 1 - (2 * (t * m).sum() + 1) / (t.sum() + m.sum() + 1)


def example(rng, labels_up_to=4, num_queries=5, num_layers=2, size=(8, 12), cells=(2, 3)):
    labels = rng.integers(0, labels_up_to, (3, *size)).astype("int32")
    labels[rng.uniform(size=labels.shape) < 0.1] = VOID
    layers = [
        (rng.normal(size=(3, num_queries, 5)), 2 * rng.normal(size=(3, *cells, num_queries))) for _ in range(num_layers)
    ]
    return labels, layers


def computed(labels, layers):
    image = np.zeros((*labels.shape, 4), "float32")
    floats = [tuple(part.astype("float32") for part in layer) for layer in layers]
    return evaluated(lambda: mask_classification(TREE, labels, floats, image, **WEIGHTS))


class MatchingTest:
    def test_least_total_cost_by_trying_all(self):
        rng = np.random.default_rng(0)
        costs = rng.normal(size=(20, 4, 3)).astype("float32")
        is_present = rng.uniform(size=(20, 3)) < 0.7
        for cost, present, queries in zip(costs, is_present, matched(costs, is_present)):
            assert (queries[~present] == -1).all()
            classes = np.flatnonzero(present)
            best = min(cost[list(order), classes].sum() for order in itertools.permutations(range(4), len(classes)))
            assert len(set(queries[classes])) == len(classes)
            assert cost[queries[classes], classes].sum() == pytest.approx(best, abs=1e-6)

    def test_more_classes_than_queries_leave_some_without_one(self):
        costs = np.array([[[3.0, 1.0, 2.0]]], "float32")
        assert matched(costs, np.ones((1, 3), bool)).tolist() == [[-1, 0, -1]]

    def test_costs_that_are_not_finite_are_chosen_last(self):
        costs = np.array([[[np.nan, np.inf], [1.0, 2.0], [5.0, 4.0]]], "float32")
        assert matched(costs, np.ones((1, 2), bool)).tolist() == [[1, 2]]


class MaskClassificationLossTest:
    @pytest.mark.parametrize(
        "options",
        [
            {},
            # Coarse labels, sizes that are no multiples, and fewer queries than classes.
            {"labels_up_to": 6, "size": (7, 10), "cells": (2, 3)},
            {"num_queries": 2, "num_layers": 1},
        ],
    )
    def test_matches_numpy_reference(self, options):
        labels, layers = example(np.random.default_rng(0), **options)
        found, (expected, matchings) = computed(labels, layers), reference(labels, layers, **WEIGHTS)
        assert len({tuple(sorted(matching.items())) for matching in matchings}) > 1
        for own, other in zip(found, expected, strict=True):
            assert own.keys() == other.keys()
            for name, value in other.items():
                assert float(own[name]) == pytest.approx(value, rel=1e-4, abs=1e-6), name

    def test_hand_computed_value(self):
        """Two pixels, person and sky, are two cells; two queries draw them perfectly and know their classes."""
        labels = np.array([[[0, 3]]], "int32")
        masks = np.array([[[[-50.0, 50.0], [50.0, -50.0]]]])
        classes = np.full((1, 2, 5), -50.0)
        classes[0, 0, 3] = classes[0, 1, 0] = 50.0
        (perfect,) = computed(labels, [(classes, masks)])
        assert [float(perfect[name]) for name in ("classification", "focal", "dice")] == pytest.approx(
            [0, 0, 0], abs=1e-6
        )
        # Masks of 1/2: focal is (1/4 + 3/4) / 4 log 2 / 2, and dice is 1 - (2 / 2 + 1) / (1 + 1 + 1).
        (half,) = computed(labels, [(np.zeros((1, 2, 5)), np.zeros((1, 1, 2, 2)))])
        values = [float(half[name]) for name in ("classification", "focal", "dice")]
        assert values == pytest.approx([np.log(5), np.log(2) / 8, 1 / 3], rel=1e-5)

    def test_gradient_matches_central_differences(self):
        labels, layers = example(np.random.default_rng(1), num_layers=1)
        (classes, masks), image = layers[0], np.zeros((*labels.shape, 4), "float32")

        def total(losses):
            return losses["classification"] + 7.0 * losses["focal"] + 2.0 * losses["dice"]

        for place, x in enumerate((classes, masks)):
            given = [classes.astype("float32"), masks.astype("float32")]

            def function(own, given=given, place=place):
                pair = tuple(own if i == place else part for i, part in enumerate(given))
                return total(mask_classification(TREE, labels, [pair], image, **WEIGHTS)[0])

            _, gradient = value_and_gradient(function, x.astype("float32"), jit=True)
            directions = np.random.default_rng(2)
            for _ in range(3):
                nudge = directions.normal(size=x.shape)
                ahead, behind = (
                    total(
                        reference(
                            labels,
                            [tuple(x + step * nudge if i == place else part for i, part in enumerate(layers[0]))],
                            **WEIGHTS,
                        )[0][0]
                    )
                    for step in (1e-5, -1e-5)
                )
                assert (gradient * nudge).sum() == pytest.approx((ahead - behind) / 2e-5, rel=1e-3, abs=1e-5)

    def test_ignored_pixels_have_no_effect(self):
        """Nor has a whole image without labels."""
        labels, layers = example(np.random.default_rng(3))
        ignored = np.full_like(labels[:1], VOID)
        longer = [tuple(np.concatenate([part, part[:1] + 1]) for part in layer) for layer in layers]
        for one, other in zip(
            computed(labels, layers), computed(np.concatenate([labels, ignored]), longer), strict=True
        ):
            assert {name: float(value) for name, value in one.items()} == pytest.approx(
                {name: float(value) for name, value in other.items()}, rel=1e-5
            )

    def test_all_ignored_is_zero_not_nan(self):
        labels, layers = example(np.random.default_rng(4), num_layers=1)
        (found,) = computed(np.full_like(labels, VOID), layers)
        assert [float(value) for value in found.values()] == [0, 0, 0]

    def test_label_outside_of_the_tree_is_nan(self):
        labels, layers = example(np.random.default_rng(5), num_layers=1)
        labels[0, 0, 0] = 77
        assert all(np.isnan(float(value)) for value in computed(labels, layers)[0].values())

    def test_logits_that_are_not_finite_are_nan_and_end_no_process(self):
        labels, layers = example(np.random.default_rng(6), num_layers=1)
        layers[0][1][0, 0, 0, 0] = np.nan
        assert np.isnan(float(computed(labels, layers)[0]["dice"]))
