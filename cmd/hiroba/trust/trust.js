// Tells whether this device trusts the server by now. Without this script the page works all the same.
const state = document.getElementById('state');

const look = async () => {
  let trusted = true;
  try {
    await fetch(state.dataset.address, { mode: 'no-cors', cache: 'no-store' });
  } catch {
    trusted = false; // browsers do not say whether it was the certificate
  }
  const text = trusted ? state.dataset.yes : state.dataset.no;
  if (state.textContent !== text) state.textContent = text;
  state.parentElement.classList.toggle('trusted', trusted);
};

void look();
// Coming back from the system's settings.
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') void look();
});
window.addEventListener('focus', () => void look());
