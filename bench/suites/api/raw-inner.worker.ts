/** Stands where an engine worker stands, and sends back what comes. */
self.onmessage = ({ ports: [port] }) => {
  port.onmessage = ({ data }) => port.postMessage(data);
};
