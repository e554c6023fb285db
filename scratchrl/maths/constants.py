"""Constants and settings in the number system of the array they meet.

A formula that mentions π must not fix its precision to 53 bits: in ball arithmetic the constant has to come from the
same number system as the data, or the enclosure would prove a statement about another number.
"""

import math

from numpy.typing import NDArray

LOG_TWO_PI = math.log(2 * math.pi)


def log_two_pi(like: NDArray):
    """log 2π: a Python float for ordinary arrays, a ball for an object array of balls.

    A Python float takes the precision of the array it is added to (float32 stays float32).

    Args:
      like: an array; for object arrays the elements' type must offer `pi()`.

    Checked in tests/maths/test_number_systems.py.

    >>> import numpy as np
    >>> round(log_two_pi(np.zeros(2)), 6)
    1.837877
    """
    if like.dtype == object:
        return (2 * type(like.flat[0]).pi()).log()
    return LOG_TWO_PI


def sqrt_two_pi(like: NDArray):
    """√(2π), as `log_two_pi`.

    Checked in tests/maths/test_quadrature.py.

    >>> import numpy as np
    >>> round(sqrt_two_pi(np.zeros(2)), 6)
    2.506628
    """
    return (2 * type(like.flat[0]).pi()).sqrt() if like.dtype == object else math.sqrt(2 * math.pi)


def exact(number, like: NDArray):
    """A setting such as γ, unrounded from here on: itself for ordinary arrays, a ball for an object array of balls.

    γλ or 1 + ε of two Python floats is rounded to 53 bits before it meets the balls, and no radius knows of it.

    Checked in tests/maths/test_number_systems.py.

    >>> import numpy as np
    >>> exact(0.9, np.zeros(2))
    0.9
    """
    return type(like.flat[0])(number) if like.dtype == object else number
