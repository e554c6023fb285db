// Generalized advantage estimation on (T, N) arrays, to be checked by check.mjs.
export default function gae({ reward, value, next_value, terminated, truncated, gamma, lam }) {
  const [steps, width] = reward.shape;
  const advantage = new Array(steps * width).fill(0);
  for (let t = steps - 1; t >= 0; t--) {
    for (let n = 0; n < width; n++) {
      const i = t * width + n;
      const bootstrap = terminated.data[i] ? 0 : next_value.data[i];
      const goesOn = !terminated.data[i] && !truncated.data[i] && t + 1 < steps;
      const after = goesOn ? advantage[i + width] : 0;
      advantage[i] = reward.data[i] + gamma * bootstrap - value.data[i] + gamma * lam * after;
    }
  }
  return [advantage];
}
