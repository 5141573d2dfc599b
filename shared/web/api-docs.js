const api = document.querySelector('#api');

window.SwaggerUIBundle({
  domNode: api,
  url: api.dataset.describedIn,
  deepLinking: true,
  defaultModelsExpandDepth: 0,
});
